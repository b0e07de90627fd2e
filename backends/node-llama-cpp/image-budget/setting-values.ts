import type { JsonValue } from '../../../src/backend/index.ts';
import { VserveError } from '../../../src/errors/index.ts';

const LARGEST = 2 ** 31 - 1;

/** Throws `invalid_request` with the path of the setting. */
export function refuse(path: string, wanted: string): never {
  throw new VserveError('invalid_request', `${path} ${wanted}`, { param: path });
}

export function wholeNumber(value: JsonValue, path: string, min = 1, max = LARGEST): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  const range = max === LARGEST ? `of at least ${String(min)}` : `from ${String(min)} to ${String(max)}`;
  return refuse(path, `must be a whole number ${range}, not ${shown(value)}.`);
}

export function positiveNumber(value: JsonValue, path: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  return refuse(path, `must be a number above 0, not ${shown(value)}.`);
}

export function boolean(value: JsonValue, path: string): boolean {
  return typeof value === 'boolean' ? value : refuse(path, `must be true or false, not ${shown(value)}.`);
}

/** One of a few numbers. */
export function oneOf(value: JsonValue, path: string, numbers: readonly number[]): number {
  const found = numbers.find((number) => number === value);
  return found ?? refuse(path, `must be one of ${numbers.join(', ')}, not ${shown(value)}.`);
}

/** The whole numbers of an object of these keys, all optional. */
export function sizes<Key extends string>(
  value: JsonValue,
  path: string,
  keys: readonly Key[],
): Partial<Record<Key, number>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse(path, `must be an object with ${keys.join(' and ')}, not ${shown(value)}.`);
  }
  const read: Partial<Record<Key, number>> = {};
  for (const [name, size] of Object.entries(value)) {
    const key = keys.find((known) => known === name);
    if (key === undefined)
      return refuse(
        `${path}.${name}`,
        `is no setting of this model's image processor: it takes ${keys.join(' and ')}.`,
      );
    read[key] = wholeNumber(size, `${path}.${name}`);
  }
  return read;
}

function shown(value: JsonValue): string {
  return JSON.stringify(value).slice(0, 100);
}
