import { invalid, show } from './invalid-request.ts';
import { isJsonObject } from './json-object.ts';
import { readJson } from './json-value.ts';
import { textOf } from './long-text.ts';

/**
 * Reads the arguments of a tool call, an object or its JSON text, as JSON text. Absent or empty, they are `{}`. Throws
 * `invalid_request`.
 */
export function readArguments(value: unknown, path: string): string {
  const text = value === undefined ? '' : textOf(value);
  if (text === undefined) {
    if (!isJsonObject(value)) throw notAnObject(value, path);
    return JSON.stringify(readJson(value, path));
  }
  if (text.trim() === '') return '{}';
  const parsed = parse(text);
  if (!isJsonObject(parsed)) throw notAnObject(text, path);
  readJson(parsed, path);
  return text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function notAnObject(value: unknown, path: string) {
  return invalid(path, `${path} must be an object or its JSON text, not ${show(value)}.`);
}
