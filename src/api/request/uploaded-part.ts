import type { ParsedPart } from '../parsed-request.ts';
import type { DocumentKeys } from './document-options.ts';
import { DOCUMENT_OPTION_KEYS, documentOptions } from './document-options.ts';
import { readBudget } from './image-budget.ts';
import { unsupported } from './json-object.ts';
import type { UploadedFile } from './uploaded-file.ts';
import { isTextFile } from './uploaded-file.ts';

const PAGE_KEYS = ['pages', 'text_layer'] as const;

/** An uploaded file as what it is, where a file stands. Throws `invalid_request`, `unsupported_parameter`. */
export function uploadedPart(file: UploadedFile, keys: DocumentKeys, path: string, param: string): ParsedPart {
  if (file.kind === 'image') {
    refuseKeys(keys, PAGE_KEYS, path, 'The file is an image.');
    const { detail, min_pixels, max_pixels } = keys;
    const budget = readBudget({ detail, min_pixels, max_pixels }, path);
    return { type: 'image', url: file, param, ...(budget === undefined ? {} : { budget }) };
  }
  if (file.kind === 'video') {
    refuseKeys(keys, Object.keys(DOCUMENT_OPTION_KEYS) as (keyof DocumentKeys)[], path, 'The file is a video.');
    return { type: 'video', url: file, param };
  }
  const isText = file.kind === 'other' && isTextFile(file.mediaType, file.name);
  return { type: 'document', url: file, param, ...documentOptions(keys, path), isText };
}

function refuseKeys(keys: DocumentKeys, refused: readonly (keyof DocumentKeys)[], path: string, advice: string): void {
  for (const key of refused) if (keys[key] !== undefined) throw unsupported(`${path}.${key}`, keys[key], advice);
}
