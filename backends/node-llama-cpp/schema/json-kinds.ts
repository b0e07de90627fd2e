import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { type TypeName, typeNames } from './keywords.ts';
import { refuse } from './refuse.ts';

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function objectAt(value: JsonValue, path: string): JsonObject {
  return isObject(value) ? value : refuse(path, `It has to be an object, not ${kindOf(value)}.`);
}

export function listAt(value: JsonValue, path: string): readonly JsonValue[] {
  return isList(value) ? value : refuse(path, `It has to be a list, not ${kindOf(value)}.`);
}

export function textAt(value: JsonValue, path: string): string {
  return typeof value === 'string' ? value : refuse(path, `It has to be a string, not ${kindOf(value)}.`);
}

export function numberAt(value: JsonValue, path: string): number {
  return typeof value === 'number' ? value : refuse(path, `It has to be a number, not ${kindOf(value)}.`);
}

export function countAt(value: JsonValue, path: string): number {
  const isCount = typeof value === 'number' && Number.isInteger(value) && value >= 0;
  return isCount ? value : refuse(path, 'It has to be a whole number from 0.');
}

export function booleanAt(value: JsonValue, path: string): boolean {
  return typeof value === 'boolean' ? value : refuse(path, `It has to be true or false, not ${kindOf(value)}.`);
}

export function typeAt(value: JsonValue, path: string): TypeName {
  const found = typeNames.find((name) => name === value);
  return found ?? refuse(path, `Unknown type ${JSON.stringify(value)}. The types are ${typeNames.join(', ')}.`);
}

/** The narrowest type of a value. */
export function typeOf(value: JsonValue): TypeName {
  if (value === null) return 'null';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  if (isList(value)) return 'array';
  return typeof value as 'boolean' | 'string' | 'object';
}

function kindOf(value: JsonValue): string {
  return value === null ? 'null' : isList(value) ? 'a list' : `a ${typeof value}`;
}
