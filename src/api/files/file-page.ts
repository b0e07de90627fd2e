import { invalid, show } from '../request/invalid-request.ts';
import type { ListedFile } from './file-json.ts';

/** A part of a list of files. */
export interface FilePage<File extends ListedFile> {
  readonly files: readonly File[];
  /** Whether others come behind it. */
  readonly hasMore: boolean;
}

interface PageLimits {
  /** Files of a page that says nothing, and of any. */
  readonly defaultLimit: number;
  readonly maxLimit: number;
  /** The names of the field that has the id of the file before the page. */
  readonly after: readonly string[];
}

const OPENAI: PageLimits = { defaultLimit: 10_000, maxLimit: 10_000, after: ['after'] };
const ANTHROPIC: PageLimits = { defaultLimit: 20, maxLimit: 1000, after: ['after_id', 'page'] };

/**
 * The page of a list that a query asks for, the latest file first unless it says otherwise. `files` are in the order in which
 * they came. Throws `invalid_request`.
 */
export function readFilePage<File extends ListedFile>(
  files: readonly File[],
  query: Readonly<Record<string, string>>,
  { isForAnthropic }: { readonly isForAnthropic: boolean },
): FilePage<File> {
  const limits = isForAnthropic ? ANTHROPIC : OPENAI;
  const { order = 'desc', purpose } = query;
  if (order !== 'asc' && order !== 'desc') throw invalid('order', `order must be asc or desc, not ${show(order)}.`);
  const listed = files.filter((file) => purpose === undefined || file.purpose === purpose);
  const ordered = order === 'asc' ? listed : listed.toReversed();
  const start = startOf(ordered, query, limits);
  const limit = limitOf(query['limit'], limits);
  return { files: ordered.slice(start, start + limit), hasMore: start + limit < ordered.length };
}

function startOf(files: readonly ListedFile[], query: Readonly<Record<string, string>>, { after }: PageLimits): number {
  const name = after.find((key) => query[key] !== undefined);
  if (name === undefined) return 0;
  const id = query[name];
  const start = files.findIndex((file) => file.id === id) + 1;
  if (start === 0) throw invalid(name, `${name} must be the id of a file of the list, not ${show(id)}.`);
  return start;
}

function limitOf(text: string | undefined, { defaultLimit, maxLimit }: PageLimits): number {
  if (text === undefined) return defaultLimit;
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= maxLimit) return limit;
  throw invalid('limit', `limit must be an integer from 1 to ${String(maxLimit)}, not ${show(text)}.`);
}
