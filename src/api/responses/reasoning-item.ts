import { invalid, show } from '../request/invalid-request.ts';
import type { JsonObject, KeyTable, ReadOptions } from '../request/json-object.ts';
import { isJsonObject, readKeys, unsupported } from '../request/json-object.ts';
import { textOf } from '../request/long-text.ts';
import { anything } from '../request/values.ts';
import { unsealed } from './sealed-reasoning.ts';

export const REASONING_ITEM_KEYS = {
  type: 'read',
  id: anything,
  status: anything,
  summary: 'read',
  content: 'read',
  encrypted_content: 'read',
} as const satisfies KeyTable;

export const REASONING_TEXT_KEYS = { type: 'read', text: 'read' } as const satisfies KeyTable;

/**
 * Reads an item of reasoning: its content, else what is sealed, else its summary. Undefined without any text that can be
 * read: other servers encrypt theirs. Throws `invalid_request`, `unsupported_parameter`.
 */
export function readReasoning(item: JsonObject, path: string, options: ReadOptions): string | undefined {
  const keys = readKeys(item, path, REASONING_ITEM_KEYS, options);
  const content = readTexts(keys.content, `${path}.content`, ['reasoning_text', 'text'], options);
  const summary = readTexts(keys.summary, `${path}.summary`, ['summary_text'], options);
  const texts = [content, readSealed(keys.encrypted_content, `${path}.encrypted_content`), summary];
  return texts.find((text) => text !== undefined && text !== '');
}

function readSealed(value: unknown, path: string): string | undefined {
  if (value === undefined) return undefined;
  const text = textOf(value);
  if (text === undefined) throw invalid(path, `${path} must be a string, not ${show(value)}.`);
  return unsealed(text);
}

function readTexts(parts: unknown, path: string, types: readonly string[], options: ReadOptions): string | undefined {
  if (parts === undefined) return undefined;
  if (!Array.isArray(parts)) throw invalid(path, `${path} must be an array of parts, not ${show(parts)}.`);
  return parts.map((part: unknown, index) => readPart(part, `${path}[${String(index)}]`, types, options)).join('\n\n');
}

function readPart(part: unknown, path: string, types: readonly string[], options: ReadOptions): string {
  if (!isJsonObject(part)) throw invalid(path, `${path} must be an object with a text, not ${show(part)}.`);
  const { type, text } = readKeys(part, path, REASONING_TEXT_KEYS, options);
  if (typeof type !== 'string' || !types.includes(type)) {
    throw unsupported(`${path}.type`, type, `It must be ${types[0] ?? ''}.`);
  }
  const read = textOf(text);
  if (read === undefined) throw invalid(`${path}.text`, `${path}.text must be a string, not ${show(text)}.`);
  return read;
}
