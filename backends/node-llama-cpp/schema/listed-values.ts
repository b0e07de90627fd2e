import type { JsonValue } from '../../../src/backend/index.ts';
import { isList, isObject } from './json-kinds.ts';

/** The same text for the same value, whatever the order of its keys. */
export function textOf(value: JsonValue): string {
  return JSON.stringify(value, (_, inner: JsonValue) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}

/** The values of an enum or a constant. */
export function valuesIn(schema: JsonValue | undefined): readonly JsonValue[] | undefined {
  if (!isObject(schema)) return undefined;
  if (schema['const'] !== undefined) return [schema['const']];
  return isList(schema['enum']) ? schema['enum'] : undefined;
}
