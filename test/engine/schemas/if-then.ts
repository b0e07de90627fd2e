import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';

/** The keywords of a condition. A literal object with `then` would look like a promise. */
export function ifThen(condition: JsonValue, then: JsonValue, otherwise: JsonValue = true): JsonObject {
  const values = [condition, then, otherwise];
  return Object.fromEntries(['if', 'then', 'else'].map((keyword, i) => [keyword, values[i] ?? true]));
}
