import { printable } from './printable.ts';

/** Rows as lines, with columns as wide as their widest cells. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => printable(cell).replaceAll('\n', ' ')));
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? [];
  return cells
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/**
 * A table whose first row names its columns. Where it is wider than `columns`, its rows stand one below the other, each
 * cell in a line with its name.
 */
export function formatNamedTable(rows: readonly (readonly string[])[], columns: number): string {
  const table = formatTable(rows);
  const [names = [], ...records] = rows;
  if (table.split('\n').every((line) => line.length <= columns) || records.length === 0) return table;
  return records.map((cells) => formatTable(cells.map((cell, place) => [names[place] ?? '', cell]))).join('\n\n');
}
