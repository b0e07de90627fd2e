import type { JsonValue } from '../../../src/backend/index.ts';
import { isObject } from './json-kinds.ts';

/** Whether a schema says at once that it allows no value: `false`, or as some libraries write it, `{"not": {}}`. */
export function isNever(schema: JsonValue | undefined): boolean {
  if (schema === false) return true;
  if (!isObject(schema)) return false;
  const { not } = schema;
  return not === true || (isObject(not) && Object.keys(not).length === 0);
}
