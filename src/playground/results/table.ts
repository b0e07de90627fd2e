import { isRecord } from '../requests/json.ts';
import type { JsonRecord } from '../requests/json.ts';

/** How a value of JSON is shown: as text, as a list, as a row of names and values, or as a table of them. */
export type View =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'list'; readonly items: readonly string[] }
  | { readonly type: 'record'; readonly entries: readonly (readonly [string, unknown])[] }
  | { readonly type: 'table'; readonly columns: readonly string[]; readonly rows: readonly JsonRecord[] }
  | { readonly type: 'items'; readonly items: readonly unknown[] };

export function viewOf(value: unknown): View {
  if (isRecord(value)) return { type: 'record', entries: Object.entries(value) };
  if (!Array.isArray(value)) return { type: 'text', text: scalarText(value) };
  const items = value as readonly unknown[];
  if (items.length > 0 && items.every(isRecord)) return { type: 'table', columns: columnsOf(items), rows: items };
  if (items.every((item) => typeof item !== 'object' || item === null)) {
    return { type: 'list', items: items.map(scalarText) };
  }
  return { type: 'items', items };
}

/** The keys of all rows, in the order in which they come first. */
function columnsOf(rows: readonly JsonRecord[]): readonly string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

function scalarText(value: unknown): string {
  if (value === null || value === undefined) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
