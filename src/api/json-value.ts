import type { JsonValue } from '../backend/index.ts';
import { invalid } from './invalid-request.ts';
import { entriesOf, isJsonObject } from './json-object.ts';
import { LongText } from './long-text.ts';

const MAX_DEPTH = 100;

/** The variables of a chat template: any JSON. A variable that is null counts as left out. */
export function readVariables(object: object, path: string): Readonly<Record<string, JsonValue>> {
  return Object.fromEntries(entriesOf({ ...object }).map(([name, value]) => [name, readJson(value, path)]));
}

/** A value as plain JSON. Throws `invalid_request` where it is nested too deep, or holds a number that JSON has not. */
export function readJson(value: unknown, path: string, depth = MAX_DEPTH): JsonValue {
  if (depth === 0) throw invalid(path, `${path} is nested more than ${String(MAX_DEPTH)} levels deep.`);
  if (value instanceof LongText) return value.toString();
  if (Array.isArray(value)) return value.map((item) => readJson(item, path, depth - 1));
  if (isJsonObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, readJson(item, path, depth - 1)]));
  }
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw invalid(path, `${path} holds a number that is too large.`);
}
