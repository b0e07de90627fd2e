import type { JsonObject as PlainObject, JsonValue } from '../../backend/index.ts';
import { invalid } from './invalid-request.ts';
import type { JsonObject } from './json-object.ts';
import { isJsonObject } from './json-object.ts';
import { LongText, textOf } from './long-text.ts';

const MAX_DEPTH = 100;
/** More than any object needs; the engine's JSON reader takes a time that grows with the square of an object's keys. */
const MAX_KEYS = 1000;

/** Reads the variables of a chat template: any JSON. A variable that is null counts as absent. */
export function readVariables(object: JsonObject, path: string): Readonly<Record<string, JsonValue>> {
  checkKeys(object, path);
  const names = Object.keys(object).filter((name) => object[name] !== null);
  if (names.includes('messages')) {
    throw invalid(`${path}.messages`, `${path}.messages is reserved for the conversation. Leave it out.`);
  }
  return Object.fromEntries(names.map((name) => [name, readJson(object[name], path)]));
}

/**
 * Converts a value to plain JSON. Throws `invalid_request` if it is nested too deeply, an object has too many keys, or a
 * number is out of range.
 */
export function readJson(value: unknown, path: string, depth = MAX_DEPTH): JsonValue {
  if (depth === 0) throw invalid(path, `${path} is nested more than ${String(MAX_DEPTH)} levels deep.`);
  if (value instanceof LongText) return textOf(value) ?? '';
  if (Array.isArray(value)) return value.map((item) => readJson(item, path, depth - 1));
  if (isJsonObject(value)) return readJsonObject(value, path, depth);
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw invalid(path, `${path} contains a number that is out of range.`);
}

/** Converts an object to plain JSON, as `readJson` does. */
export function readJsonObject(object: JsonObject, path: string, depth = MAX_DEPTH): PlainObject {
  checkKeys(object, path);
  return Object.fromEntries(Object.entries(object).map(([key, item]) => [key, readJson(item, path, depth - 1)]));
}

function checkKeys(object: JsonObject, path: string): void {
  if (Object.keys(object).length <= MAX_KEYS) return;
  throw invalid(path, `${path} has an object with more than ${String(MAX_KEYS)} keys.`);
}
