import { z } from 'zod';

/** The values that a field may have. A result of `undefined` counts as absent. */
export interface Kind<T> {
  /** Follows "must be" in an error: `a number from 0 to 2`. */
  readonly expected: string;
  readonly schema: z.ZodType<T>;
}

interface Range {
  readonly min: number;
  readonly max: number;
}

export function number({ min, max }: Range): Kind<number> {
  const schema = z.number().min(min).max(max);
  return { expected: `a number from ${String(min)} to ${String(max)}`, schema };
}

/** A number in a range that excludes `min`. */
export function numberAbove({ min, max }: Range): Kind<number> {
  const schema = z
    .number()
    .max(max)
    .refine((value) => value > min);
  return { expected: `a number above ${String(min)} to ${String(max)}`, schema };
}

/** An integer, also as `5.0`. */
export function integerFrom(min: number): Kind<number> {
  const schema = z.number().min(min).refine(Number.isInteger);
  return { expected: `an integer of at least ${String(min)}`, schema };
}

export const BOOLEAN: Kind<boolean> = { expected: 'true or false', schema: z.boolean() };
export const TEXT: Kind<string> = { expected: 'a string', schema: z.string() };

/** One of a few words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): Kind<Word> {
  return { expected: `one of ${words.join(', ')}`, schema: z.enum(words) };
}

/** The same values with another meaning. */
export function mapped<T, U>({ expected, schema }: Kind<T>, meaning: (value: T) => U): Kind<U> {
  return { expected, schema: schema.transform(meaning) };
}
