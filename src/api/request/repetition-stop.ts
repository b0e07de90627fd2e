import type { RepetitionStop } from '../../backend/index.ts';
import type { NamesOf } from './field-table.ts';
import { invalid } from './invalid-request.ts';
import { integer } from './kinds.ts';
import type { SettingsRead } from './read-fields.ts';

/** Every token is compared with this many before it. */
const MAX_PATTERN_TOKENS = 1024;
const PATTERN_TOKENS = integer({ min: 0, max: MAX_PATTERN_TOKENS });

export const REPETITION_KINDS = {
  repeatedTokensMax: PATTERN_TOKENS,
  repeatedTokensMin: PATTERN_TOKENS,
  repeatedCount: integer({ min: 0, max: MAX_PATTERN_TOKENS }),
} as const;

/** vLLM's fields. */
export const REPETITION_NAMES: NamesOf<typeof REPETITION_KINDS> = {
  repeatedTokensMax: ['repetition_detection.max_pattern_size'],
  repeatedTokensMin: ['repetition_detection.min_pattern_size'],
  repeatedCount: ['repetition_detection.min_count'],
};

/** The repetition that ends an answer; undefined where none does. Throws `invalid_request`. */
export function toRepetitionStop({ values, paths }: SettingsRead<typeof REPETITION_KINDS>): RepetitionStop | undefined {
  const { repeatedTokensMax: max = 0, repeatedTokensMin: min = 0, repeatedCount: count = 0 } = values;
  if (min > max) {
    const path = paths.repeatedTokensMin ?? '';
    throw invalid(path, `${path} must not be above max_pattern_size, which is ${String(max)}.`);
  }
  if (max === 0) return undefined;
  if (count < 2) {
    const path = paths.repeatedCount ?? 'repetition_detection.min_count';
    throw invalid(path, `${path} must be at least 2, not ${String(count)}.`);
  }
  return { minPatternTokens: Math.max(min, 1), maxPatternTokens: max, minCount: count };
}
