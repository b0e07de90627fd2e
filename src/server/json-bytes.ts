import { LongText } from '../api/index.ts';

const STRING_BYTES = 16;
const NUMBER_BYTES = 8;
const OBJECT_BYTES = 48;
const ENTRY_BYTES = 16;

/** Estimates the memory of a JSON value, long texts included. */
export function jsonBytes(value: unknown): number {
  if (typeof value === 'string') return STRING_BYTES + 2 * value.length;
  if (value instanceof LongText) return OBJECT_BYTES + value.byteLength;
  if (typeof value !== 'object' || value === null) return NUMBER_BYTES;
  const values: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  return values.reduce<number>((sum, item) => sum + ENTRY_BYTES + jsonBytes(item), OBJECT_BYTES);
}
