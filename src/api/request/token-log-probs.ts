import type { NamesOf } from './field-table.ts';
import { invalid } from './invalid-request.ts';
import { BOOLEAN, integer } from './kinds.ts';
import type { SettingsRead } from './read-fields.ts';

/** OpenAI's limit. */
const LIKELIEST = integer({ min: 0, max: 20 });

export const LOG_PROBS_KINDS = { hasLogProbs: BOOLEAN, topLogProbs: LIKELIEST, tokenProbs: LIKELIEST } as const;

/** OpenAI's fields, and llama-server's. */
export const LOG_PROBS_NAMES: NamesOf<typeof LOG_PROBS_KINDS> = {
  hasLogProbs: ['logprobs'],
  topLogProbs: ['top_logprobs'],
  tokenProbs: ['n_probs'],
};

/** How many likeliest tokens to report for each token; undefined for no log probabilities. Throws `invalid_request`. */
export function toLogProbs({ values, paths }: SettingsRead<typeof LOG_PROBS_KINDS>): number | undefined {
  const { hasLogProbs = false, topLogProbs = 0, tokenProbs = 0 } = values;
  if (topLogProbs > 0 && !hasLogProbs) {
    const path = paths.topLogProbs ?? '';
    throw invalid(path, `${path} requires logprobs to be true.`);
  }
  if (hasLogProbs) return Math.max(topLogProbs, tokenProbs);
  return tokenProbs > 0 ? tokenProbs : undefined;
}
