import type { AsksForNothing } from './json-object.ts';
import { isJsonObject } from './json-object.ts';

/** For a field that has no effect on the answer. */
export const anything: AsksForNothing = () => true;

/** For a field that asks for something whatever its value. */
export const never: AsksForNothing = () => false;

/** An empty text, list or object. */
export const isEmpty: AsksForNothing = (value) =>
  value === '' || (Array.isArray(value) ? value.length === 0 : isJsonObject(value) && Object.keys(value).length === 0);

/** One of some values. */
export function isOneOf(...values: readonly (string | number | boolean)[]): AsksForNothing {
  return (value) => (values as readonly unknown[]).includes(value);
}
