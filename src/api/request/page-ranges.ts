import type { PageRange } from '../parsed-request.ts';
import { invalid, show } from './invalid-request.ts';

const MAX_RANGES = 1000;
const RANGE = /^\s*(\d{1,7})\s*(?:(-)\s*(\d{1,7})?\s*)?$/;

/**
 * Reads which pages of a document to show: `"1-3,7"`, `"5-"`, a number, or an array of numbers, counted from 1. Throws
 * `invalid_request`.
 */
export function readPages(pages: unknown, path: string): readonly PageRange[] | undefined {
  if (pages === undefined) return undefined;
  const texts = typeof pages === 'string' ? pages.split(',', MAX_RANGES + 1) : [pages].flat();
  const ranges = texts.map(rangeOf);
  if (ranges.length > MAX_RANGES) throw invalid(path, `${path} has more than ${String(MAX_RANGES)} ranges.`);
  if (ranges.length > 0 && ranges.every((range) => range !== undefined)) return ranges;
  throw invalid(path, `${path} must be pages such as "1-3,7" or [1, 2], counted from 1, not ${show(pages)}.`);
}

function rangeOf(text: unknown): PageRange | undefined {
  if (typeof text === 'number')
    return Number.isSafeInteger(text) && text >= 1 ? { first: text, last: text } : undefined;
  const [, from, dash, to] = RANGE.exec(typeof text === 'string' ? text : '') ?? [];
  const first = Number(from);
  const last = Number(to ?? from);
  if (from === undefined || first < 1 || last < first) return undefined;
  return dash !== undefined && to === undefined ? { first } : { first, last };
}
