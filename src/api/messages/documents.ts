import type { ParsedPart } from '../parsed-request.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { HasNoEffect, JsonObject, KeyTable, ReadOptions } from '../request/json-object.ts';
import { isJsonObject, readKeys, unsupported } from '../request/json-object.ts';
import { anything } from '../request/values.ts';
import { readBlocks, requireText } from './block-reader.ts';
import { TEXT_AND_IMAGE_BLOCKS, TEXT_BLOCKS } from './content-blocks.ts';

const hasNoCitations: HasNoEffect = (value) => isJsonObject(value) && value['enabled'] !== true;

export const DOCUMENT_KEYS = {
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

const PDF_ADVICE = 'Send its text (a source of type text), or its pages as image blocks.';

/** Reads a document of text, or of blocks. Its title and context are told to the model, too. */
export function readDocument(block: JsonObject, path: string, options: ReadOptions): ParsedPart[] {
  const { source, title, context } = readKeys(block, path, DOCUMENT_KEYS, options);
  const about = { title: optionalText(title, `${path}.title`), context: optionalText(context, `${path}.context`) };
  return tagged('document', about, readDocumentSource(source, `${path}.source`, options));
}

/** Reads a result of a search that the client has made. */
export function readSearchResult(block: JsonObject, path: string, options: ReadOptions): ParsedPart[] {
  const { content, source, title } = readKeys(block, path, SEARCH_RESULT_KEYS, options);
  const about = { source: optionalText(source, `${path}.source`), title: optionalText(title, `${path}.title`) };
  return tagged('search_result', about, readBlocks(content, `${path}.content`, TEXT_BLOCKS, options));
}

function readDocumentSource(source: unknown, path: string, options: ReadOptions): ParsedPart[] {
  if (!isJsonObject(source)) throw invalid(path, `${path} must be an object with a type, not ${show(source)}.`);
  const { type } = source;
  if (type === 'base64' || type === 'url') throw unsupported(`${path}.type`, `a PDF (${type})`, PDF_ADVICE);
  if (type !== 'text' && type !== 'content') throw unsupported(`${path}.type`, type, 'It must be text or content.');
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
