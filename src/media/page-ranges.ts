import { VserveError } from '../errors/index.ts';
import type { PageRange } from './media-parts.ts';

export interface PageLimits {
  readonly pageCount: number;
  /** Pages that may be shown. */
  readonly maxPages: number;
}

/**
 * The indices, from 0, of the pages that are asked for; all without `ranges`. Throws `invalid_request` for a page that the
 * document does not have, `too_many_images` for more than may be shown.
 */
export function pageIndices(ranges: readonly PageRange[] | undefined, { pageCount, maxPages }: PageLimits): number[] {
  const asked = ranges ?? [{ first: 1 }];
  const indices: number[] = [];
  for (const { first, last = pageCount } of asked) {
    const beyond = first > pageCount ? first : last;
    if (beyond > pageCount) throw noSuchPage(beyond, pageCount);
    // A page counts as often as it is asked for, and numbers cost nothing to send.
    if (indices.length + last - first + 1 > maxPages) throw tooManyPages(asked, { pageCount, maxPages });
    for (let page = first; page <= last; page += 1) indices.push(page - 1);
  }
  return indices;
}

function noSuchPage(page: number, pageCount: number): VserveError {
  const has = pageCount === 1 ? '1 page' : `${pageCount} pages`;
  return new VserveError('invalid_request', `The document has ${has}: there is no page ${page} in it (pages).`);
}

function tooManyPages(asked: readonly PageRange[], { pageCount, maxPages }: PageLimits): VserveError {
  const count = asked.reduce((sum, { first, last = pageCount }) => sum + Math.max(0, last - first + 1), 0);
  const message = `${count} pages of the document are asked for; the limit of this server is ${maxPages} (--max-document-pages). Choose some: "pages": "1-${maxPages}".`;
  return new VserveError('too_many_images', message);
}
