import type { DocumentReference, MediaSource, ParsedPart } from '../parsed-request.ts';
import { DOCUMENT_OPTION_KEYS, documentOptions } from './document-options.ts';
import { readFileId } from './file-id.ts';
import { isImageInBase64, readImageData, readImageUrl, startOfText } from './image-url.ts';
import { contradiction, invalid, show } from './invalid-request.ts';
import type { JsonObject, KeyTable, ReadOptions } from './json-object.ts';
import { isJsonObject, readKeys, unsupported } from './json-object.ts';
import { LongText } from './long-text.ts';
import { isTextFile, isUploaded } from './uploaded-file.ts';
import { uploadedPart } from './uploaded-part.ts';
import { anything } from './values.ts';

type Url = string | LongText;

const FILE_KEYS = {
  ...DOCUMENT_OPTION_KEYS,
  file_data: 'read',
  file_url: 'read',
  file_id: 'read',
  filename: 'read',
  // What the bytes are, they tell.
  format: anything,
  media_type: anything,
  mime_type: anything,
} as const satisfies KeyTable;

const CACHE_KEYS = { cache_control: anything, prompt_cache_breakpoint: anything } as const satisfies KeyTable;

/** OpenAI's `input_file`. */
export const INPUT_FILE_KEYS = { ...FILE_KEYS, ...CACHE_KEYS, type: 'read' } as const satisfies KeyTable;

/** OpenAI's `file` of Chat Completions. */
export const CHAT_FILE_KEYS = { type: 'read', file: 'read', ...CACHE_KEYS } as const satisfies KeyTable;
export const CHAT_FILE_OBJECT_KEYS = FILE_KEYS;

const DATA_TYPE = /^\s*data:([^;,]*)/i;

/** Reads `input_file` of the Responses API. Throws `invalid_request`, `unsupported_parameter`. */
export function readInputFile(part: JsonObject, param: string, options: ReadOptions): ParsedPart {
  return readFile(readKeys(part, param, INPUT_FILE_KEYS, options), param, param, options);
}

/** Reads `file` of Chat Completions. Throws `invalid_request`, `unsupported_parameter`. */
export function readChatFile(part: JsonObject, param: string, options: ReadOptions): ParsedPart {
  const { file } = readKeys(part, param, CHAT_FILE_KEYS, options);
  const path = `${param}.file`;
  if (!isJsonObject(file)) {
    throw invalid(path, `${path} must be an object with file_data, a data URI, or file_id, not ${show(file)}.`);
  }
  return readFile(readKeys(file, path, CHAT_FILE_OBJECT_KEYS, options), path, param, options);
}

type FileKeys = { readonly [Key in keyof typeof FILE_KEYS]?: unknown };

function readFile(keys: FileKeys, path: string, param: string, options: ReadOptions): ParsedPart {
  const { file_data: data, file_url: url, file_id: id, filename } = keys;
  if (filename !== undefined && typeof filename !== 'string') {
    throw invalid(`${path}.filename`, `${path}.filename must be a string, not ${show(filename)}.`);
  }
  if (id !== undefined) {
    const file = readFileId(id, `${path}.file_id`, options);
    const other = data === undefined ? url && 'file_url' : 'file_data';
    if (typeof other === 'string') throw contradiction(`${path}.file_id`, `${path}.${other}`);
    return uploadedPart(file, keys, path, param);
  }
  if (data !== undefined && url !== undefined) throw contradiction(`${path}.file_data`, `${path}.file_url`);
  const [place, value] = url === undefined ? [`${path}.file_data`, data] : [`${path}.file_url`, url];
  return fileAt(readFileUrl(value, place), place, { ...keys, name: filename ?? '' }, path, param);
}

/** A URL of any kind, or base64. */
function readFileUrl(value: unknown, path: string): Url {
  const isText = (typeof value === 'string' && value.trim() !== '') || value instanceof LongText;
  if (!isText) throw invalid(path, `${path} must be a data URI or a URL of the file, not ${show(value)}.`);
  return isImageInBase64(startOfText(value)) ? readImageData(value, path) : readImageUrl(value, path);
}

interface FileOptions extends FileKeys {
  readonly name: string;
}

function fileAt(url: Url, place: string, options: FileOptions, path: string, param: string): ParsedPart {
  const start = startOfText(url);
  const type = DATA_TYPE.exec(start)?.[1]?.trim() ?? '';
  refuseSound(type, place);
  const isImage = /^image\//i.test(type) || isImageInBase64(start.slice(start.indexOf(',') + 1));
  const shown = documentOptions(options, path);
  if (isImage && /^data:/i.test(start)) {
    for (const key of ['pages', 'text_layer'] as const) {
      if (options[key] !== undefined) throw unsupported(`${path}.${key}`, options[key], 'The file is an image.');
    }
    const { budget } = shown;
    return { type: 'image', url, param, ...(budget === undefined ? {} : { budget }) };
  }
  return { type: 'document', url, param, ...shown, isText: isTextFile(type, options.name) };
}

function refuseSound(type: string, place: string): void {
  if (/^video\//i.test(type)) throw unsupported(place, `a file of type ${type}`, 'Send videos as video_url.');
  if (/^audio\//i.test(type)) throw unsupported(place, `a file of type ${type}`, 'Leave it out.');
}

/** Whether a source is the data of a PDF, or a PDF that was uploaded. */
export function isPdf(url: MediaSource): boolean {
  if (isUploaded(url)) return url.kind === 'pdf';
  return /^\s*data:application\/(?:x-)?pdf\b/i.test(startOfText(url));
}

/** All pages of a document, as pictures. */
export function wholeDocument(url: MediaSource, param: string): DocumentReference {
  return { type: 'document', url, param, ...documentOptions({}, param), isText: false };
}
