import type { ImageReference } from '../parsed-request.ts';
import { isImageInBase64, readImageData, startOfText } from './image-url.ts';
import { invalid, show } from './invalid-request.ts';
import type { JsonObject, KeyTable, ReadOptions } from './json-object.ts';
import { readKeys } from './json-object.ts';
import { LongText } from './long-text.ts';
import { anything, never } from './values.ts';

export const FILE_PART_KEYS = {
  type: 'read',
  file_data: 'read',
  filename: anything,
  detail: anything,
  cache_control: anything,
  prompt_cache_breakpoint: anything,
  // Whether what is there is an image is not known before it is fetched.
  file_url: never,
  file_id: never,
} as const satisfies KeyTable;

/** Reads OpenAI's `input_file`, if the file is an image. Throws `unsupported_parameter` for any other. */
export function readFilePart(part: JsonObject, param: string, options: ReadOptions): ImageReference {
  const { file_data: data } = readKeys(part, param, FILE_PART_KEYS, options);
  const path = `${param}.file_data`;
  if (typeof data !== 'string' && !(data instanceof LongText)) {
    throw invalid(path, `${path} must be a data URI, not ${show(data)}.`);
  }
  const start = startOfText(data).trimStart();
  const type = /^data:([^;,]*)/i.exec(start)?.[1];
  if (type === undefined ? isImageInBase64(start) : /^image\//i.test(type)) {
    return { type: 'image', url: readImageData(data, path), param };
  }
  const kind = type === undefined || type === '' ? 'A file of an unknown type' : `A file of type ${show(type)}`;
  const advice = 'Send images as input_image, and the text of other documents as input_text.';
  throw invalid(path, `${path}: ${kind} is not supported by this server. ${advice}`, 'unsupported_parameter');
}
