import type { HasNoEffect } from './json-object.ts';
import { isJsonObject } from './json-object.ts';

/** For a field that never affects the answer. */
export const anything: HasNoEffect = () => true;

/** For a field that always affects the answer. */
export const never: HasNoEffect = () => false;

/** An empty string, array or object. */
export const isEmpty: HasNoEffect = (value) =>
  value === '' || (Array.isArray(value) ? value.length === 0 : isJsonObject(value) && Object.keys(value).length === 0);

/** One of a few values. */
export function isOneOf(...values: readonly (string | number | boolean)[]): HasNoEffect {
  return (value) => (values as readonly unknown[]).includes(value);
}
