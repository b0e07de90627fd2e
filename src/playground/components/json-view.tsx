import type { JsonRecord } from '../requests/json.ts';
import { viewOf } from '../results/table.ts';

/** A value of JSON: objects as names and values, lists of objects as tables, within one another. */
export function JsonView({ value }: { readonly value: unknown }) {
  const view = viewOf(value);
  switch (view.type) {
    case 'text':
      return <>{view.text}</>;
    case 'list':
      return <>{view.items.length === 0 ? '–' : view.items.join(', ')}</>;
    case 'record':
      return <RecordTable entries={view.entries} />;
    case 'table':
      return <RowsTable columns={view.columns} rows={view.rows} />;
    case 'items':
      break;
  }
  return (
    <ol class="json-items">
      {view.items.map((item, index) => (
        <li key={index}>
          <JsonView value={item} />
        </li>
      ))}
    </ol>
  );
}

function RecordTable({ entries }: { readonly entries: readonly (readonly [string, unknown])[] }) {
  return (
    <table class="json-table">
      <tbody>
        {entries.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>
              <JsonView value={value} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function RowsTable({ columns, rows }: { readonly columns: readonly string[]; readonly rows: readonly JsonRecord[] }) {
  return (
    <table class="json-table">
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column} scope="col">
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, index) => (
          <tr key={index}>
            {columns.map((column) => (
              <td key={column}>
                <JsonView value={row[column]} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
