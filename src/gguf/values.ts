import type { GgufKeyValues } from './read-header.ts';

/** The text of a key; undefined if the key is missing or not text. */
export function textOf(keyValues: GgufKeyValues, key: string): string | undefined {
  const value = keyValues.get(key);
  return typeof value === 'string' ? value : undefined;
}

/** The numbers of a key, which may have one or one for each layer; undefined for anything else. */
export function numbersOf(keyValues: GgufKeyValues, key: string): readonly number[] | undefined {
  const value = keyValues.get(key);
  if (typeof value === 'number') return [value];
  return Array.isArray(value) && value.every((item) => typeof item === 'number') ? value : undefined;
}

/** llama.cpp's name of the architecture. */
export function familyOf(keyValues: GgufKeyValues): string | undefined {
  return textOf(keyValues, 'general.architecture');
}
