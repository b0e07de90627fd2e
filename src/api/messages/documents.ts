import type { ParsedPart } from '../parsed-request.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { DocumentKeys } from '../request/document-options.ts';
import { DOCUMENT_OPTION_KEYS, documentOptions } from '../request/document-options.ts';
import { readSource } from '../request/image-parts.ts';
import type { HasNoEffect, JsonObject, KeyTable, ReadOptions } from '../request/json-object.ts';
import { isJsonObject, readKeys, unsupported } from '../request/json-object.ts';
import { isUploaded } from '../request/uploaded-file.ts';
import { uploadedPart } from '../request/uploaded-part.ts';
import { anything } from '../request/values.ts';
import { readBlocks, requireText } from './block-reader.ts';
import { TEXT_AND_IMAGE_BLOCKS, TEXT_BLOCKS } from './content-blocks.ts';

const hasNoCitations: HasNoEffect = (value) => isJsonObject(value) && value['enabled'] !== true;

export const DOCUMENT_KEYS = {
  ...DOCUMENT_OPTION_KEYS,
  type: 'read',
  source: 'read',
  title: 'read',
  context: 'read',
  cache_control: anything,
  citations: hasNoCitations,
} as const satisfies KeyTable;

export const DOCUMENT_SOURCE_KEYS = {
  type: 'read',
  data: 'read',
  content: 'read',
  media_type: anything,
} as const satisfies KeyTable;

export const SEARCH_RESULT_KEYS = {
  type: 'read',
  content: 'read',
  source: 'read',
  title: 'read',
  cache_control: anything,
  citations: hasNoCitations,
} as const satisfies KeyTable;

const FILE_SOURCES: readonly unknown[] = ['base64', 'url', 'file'];
const FILE_ADVICE = 'It must be base64, url, file, text or content.';

/** Reads a document: a file, a text, or blocks. Its title and context are told to the model, too. */
export function readDocument(block: JsonObject, path: string, options: ReadOptions): ParsedPart[] {
  const keys = readKeys(block, path, DOCUMENT_KEYS, options);
  const { source, title, context, pages, text_layer, detail, min_pixels, max_pixels } = keys;
  const shown = { pages, text_layer, detail, min_pixels, max_pixels };
  const about = { title: optionalText(title, `${path}.title`), context: optionalText(context, `${path}.context`) };
  const place = `${path}.source`;
  const isFile = isJsonObject(source) && FILE_SOURCES.includes(source['type']);
  const content = isFile
    ? [readFileSource(source, place, { shown, param: path }, options)]
    : readDocumentSource(source, place, options);
  if (!isFile) refuseOptions(shown, path);
  return tagged('document', about, content);
}

/** Reads a result of a search that the client has made. */
export function readSearchResult(block: JsonObject, path: string, options: ReadOptions): ParsedPart[] {
  const { content, source, title } = readKeys(block, path, SEARCH_RESULT_KEYS, options);
  const about = { source: optionalText(source, `${path}.source`), title: optionalText(title, `${path}.title`) };
  return tagged('search_result', about, readBlocks(content, `${path}.content`, TEXT_BLOCKS, options));
}

/** Reads the place of a PDF, or of a text. */
function readFileSource(
  source: JsonObject,
  path: string,
  { shown, param }: { readonly shown: DocumentKeys; readonly param: string },
  options: ReadOptions,
): ParsedPart {
  const url = readSource(source, path, options);
  if (isUploaded(url)) return uploadedPart(url, shown, param, param);
  const type = source['media_type'];
  const isText = typeof type === 'string' && /^text\//i.test(type);
  return { type: 'document', url, isText, param, ...documentOptions(shown, param) };
}

/** Text and blocks have no pages. */
function refuseOptions(shown: Readonly<Record<string, unknown>>, path: string): void {
  for (const [key, value] of Object.entries(shown)) {
    if (value !== undefined) throw unsupported(`${path}.${key}`, value, 'It is for files (base64, url and file) only.');
  }
}

function readDocumentSource(source: unknown, path: string, options: ReadOptions): ParsedPart[] {
  if (!isJsonObject(source)) throw invalid(path, `${path} must be an object with a type, not ${show(source)}.`);
  const { type } = source;
  if (type !== 'text' && type !== 'content') throw unsupported(`${path}.type`, type, FILE_ADVICE);
  const { data, content } = readKeys(source, path, DOCUMENT_SOURCE_KEYS, options);
  if (type === 'text') return [{ type: 'text', text: requireText(data, `${path}.data`) }];
  return readBlocks(content, `${path}.content`, TEXT_AND_IMAGE_BLOCKS, options);
}

/** Wraps content in a tag, after a tag each for what is said about it. */
function tagged(
  name: string,
  about: Readonly<Record<string, string | undefined>>,
  content: readonly ParsedPart[],
): ParsedPart[] {
  const lines = Object.entries(about).map(([key, text]) => (text === undefined ? '' : `<${key}>${text}</${key}>\n`));
  return [{ type: 'text', text: `<${name}>\n${lines.join('')}` }, ...content, { type: 'text', text: `\n</${name}>\n` }];
}

function optionalText(value: unknown, path: string): string | undefined {
  return value === undefined ? undefined : requireText(value, path);
}
