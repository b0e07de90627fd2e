import type { DocumentReference } from '../parsed-request.ts';
import { readBudget } from './image-budget.ts';
import { invalid, show } from './invalid-request.ts';
import type { KeyTable } from './json-object.ts';
import { readPages } from './page-ranges.ts';

/** How a document is shown. */
export const DOCUMENT_OPTION_KEYS = {
  pages: 'read',
  text_layer: 'read',
  detail: 'read',
  min_pixels: 'read',
  max_pixels: 'read',
} as const satisfies KeyTable;

/** What a request says of it. */
export type DocumentKeys = { readonly [Key in keyof typeof DOCUMENT_OPTION_KEYS]?: unknown };

type DocumentOptions = Pick<DocumentReference, 'pages' | 'textLayer' | 'budget'>;

/** Reads how a document is to be shown. Throws `invalid_request`. */
export function documentOptions(
  { pages, text_layer: textLayer = false, ...asked }: DocumentKeys,
  path: string,
): DocumentOptions {
  if (typeof textLayer !== 'boolean') {
    throw invalid(`${path}.text_layer`, `${path}.text_layer must be true or false, not ${show(textLayer)}.`);
  }
  const budget = readBudget(asked, path);
  return { pages: readPages(pages, `${path}.pages`), textLayer, ...(budget === undefined ? {} : { budget }) };
}
