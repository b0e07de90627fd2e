import { z } from 'zod';
import { invalid, show } from './invalid-request.ts';
import type { ReadOptions } from './json-object.ts';

/** How a field's value is read. A result of `undefined` counts as absent. */
export type Kind<T> = PlainKind<T> | ReaderKind<T>;

/** A value that is right or wrong as a whole. */
export interface PlainKind<T> {
  /** Follows "must be" in an error: `a number from 0 to 2`. */
  readonly expected: string;
  readonly schema: z.ZodType<T>;
}

/** A value with parts, whose errors have paths of their own. */
export interface ReaderKind<T> {
  /** What it reads, for the API's description; `read` may ask for more. */
  readonly shape: z.ZodType;
  /** Throws `invalid_request`, `unsupported_parameter`. */
  readonly read: (value: unknown, path: string, options: ReadOptions) => T;
}

interface Range {
  readonly min: number;
  readonly max: number;
}

const LARGEST_INT32 = 2 ** 31 - 1;

/** Reads a value of a kind. Throws `invalid_request`, `unsupported_parameter`. */
export function readKind<T>(kind: Kind<T>, value: unknown, path: string, options: ReadOptions): T {
  if ('read' in kind) return kind.read(value, path, options);
  const parsed = kind.schema.safeParse(value);
  if (!parsed.success) throw invalid(path, `${path} must be ${kind.expected}, not ${show(value)}.`);
  return parsed.data;
}

export function number({ min, max }: Range): PlainKind<number> {
  const schema = z.number().min(min).max(max);
  return { expected: `a number from ${String(min)} to ${String(max)}`, schema };
}

/** A number in a range that excludes `min`. */
export function numberAbove({ min, max }: Range): PlainKind<number> {
  const schema = z.number().gt(min).max(max);
  return { expected: `a number above ${String(min)} to ${String(max)}`, schema };
}

/** An integer, also as `5.0`. */
export function integerFrom(min: number): PlainKind<number> {
  const schema = z.number().min(min).refine(Number.isInteger).meta({ type: 'integer' });
  return { expected: `an integer of at least ${String(min)}`, schema };
}

/** An integer in a range. */
export function integer({ min, max }: Range): PlainKind<number> {
  const schema = z.number().min(min).max(max).refine(Number.isInteger).meta({ type: 'integer' });
  return { expected: `an integer from ${String(min)} to ${String(max)}`, schema };
}

/** A number of tokens. More than fit into 32 bits are as many as fit. */
export function tokensFrom(min: number): PlainKind<number> {
  return mapped(integerFrom(min), (tokens) => Math.min(tokens, LARGEST_INT32));
}

export const BOOLEAN: PlainKind<boolean> = { expected: 'true or false', schema: z.boolean() };
export const TEXT: PlainKind<string> = { expected: 'a string', schema: z.string() };

/** One of a few words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): PlainKind<Word> {
  return { expected: `one of ${words.join(', ')}`, schema: z.enum(words) };
}

/** The same values with another meaning. */
export function mapped<T, U>({ expected, schema }: PlainKind<T>, meaning: (value: T) => U): PlainKind<U> {
  return { expected, schema: schema.transform(meaning) };
}
