import { z } from 'zod';

/** What values a field may have. `undefined` as the result means that it counts as left out. */
export interface Kind<T> {
  /** `a number from 0 to 2`: follows "must be" in an error. */
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

/** A number from a range, without `min` itself. */
export function numberAbove({ min, max }: Range): Kind<number> {
  const schema = z
    .number()
    .max(max)
    .refine((value) => value > min);
  return { expected: `a number above ${String(min)} to ${String(max)}`, schema };
}

/** A whole number, which JSON may write as `5.0`. */
export function wholeNumberFrom(min: number): Kind<number> {
  const schema = z.number().min(min).refine(Number.isInteger);
  return { expected: `a whole number of at least ${String(min)}`, schema };
}

export const BOOLEAN: Kind<boolean> = { expected: 'true or false', schema: z.boolean() };
export const TEXT: Kind<string> = { expected: 'a text', schema: z.string() };

/** One of some words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): Kind<Word> {
  return { expected: `one of ${words.join(', ')}`, schema: z.enum(words) };
}

/** The same values, which mean something else here. */
export function mapped<T, U>({ expected, schema }: Kind<T>, meaning: (value: T) => U): Kind<U> {
  return { expected, schema: schema.transform(meaning) };
}
