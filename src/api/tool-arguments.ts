import { invalid, show } from './invalid-request.ts';
import { isJsonObject } from './json-object.ts';
import { readJson } from './json-value.ts';
import { textOf } from './long-text.ts';

/**
 * The arguments of a tool call as JSON text of an object, whether they came as text or as an object. Left out or empty,
 * they are none. Throws `invalid_request`.
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
  return invalid(path, `${path} must be a JSON object, as text or as it is, not ${show(value)}.`);
}
