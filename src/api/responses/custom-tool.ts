import { invalid, show } from '../request/invalid-request.ts';
import type { KeyTable, ReadOptions } from '../request/json-object.ts';
import { isJsonObject, readKeys, unsupported } from '../request/json-object.ts';
import { textOf } from '../request/long-text.ts';

export const CUSTOM_FORMAT_KEYS = { type: 'read', syntax: 'read', definition: 'read' } as const satisfies KeyTable;

/**
 * What the model is told of a tool whose input is text: its description, and the grammar of the input, if it has one. The
 * model is asked to keep to that grammar, but not made to.
 */
export function toolDescription(description: unknown, format: unknown, path: string, options: ReadOptions): string {
  const text = readText(description ?? '', `${path}.description`);
  if (format === undefined) return text;
  const place = `${path}.format`;
  if (!isJsonObject(format)) throw invalid(place, `${place} must be an object with a type, not ${show(format)}.`);
  const { type, syntax, definition } = readKeys(format, place, CUSTOM_FORMAT_KEYS, options);
  if (type === 'text') return text;
  if (type !== 'grammar') throw unsupported(`${place}.type`, type, 'It must be text or grammar.');
  if (syntax !== 'lark' && syntax !== 'regex') {
    throw invalid(`${place}.syntax`, `${place}.syntax must be lark or regex, not ${show(syntax)}.`);
  }
  const grammar = readText(definition, `${place}.definition`);
  return [text, `The input must match this ${syntax === 'lark' ? 'Lark grammar' : 'regular expression'}:`, grammar]
    .filter((piece) => piece !== '')
    .join('\n\n');
}

/** The arguments by which the model calls a tool whose input is text. */
export function customArguments(input: string): string {
  return JSON.stringify({ input });
}

/** The input in such arguments, which may be cut off. */
export function customInput(text: string): string {
  // What an escape sequence begins with says nothing yet.
  const whole = text.replace(/\\(?:u[\da-f]{0,3})?$/i, '');
  for (const complete of [text, `${text}}`, `${whole}"}`]) {
    const input = inputOf(complete);
    if (input !== undefined) return input;
  }
  return '';
}

function inputOf(text: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isJsonObject(parsed) ? textOf(parsed['input']) : undefined;
  } catch {
    return undefined;
  }
}

function readText(value: unknown, path: string): string {
  const text = textOf(value);
  if (text === undefined) throw invalid(path, `${path} must be a string, not ${show(value)}.`);
  return text;
}
