import { z } from 'zod';
import type { NamesOf } from '../request/field-table.ts';
import { fieldTable } from '../request/field-table.ts';
import { GENERATION_KINDS, GENERATION_NAMES } from '../request/generation-kinds.ts';
import { INCLUDE } from '../request/include.ts';
import type { PlainKind } from '../request/kinds.ts';
import { BOOLEAN, integer, integerFrom, TEXT } from '../request/kinds.ts';
import { BIAS_TEXT_KINDS, BIAS_TEXT_NAMES } from '../request/logit-bias.ts';
import { OTHER_FIELDS } from '../request/other-fields.ts';
import { REPETITION_KINDS, REPETITION_NAMES } from '../request/repetition-stop.ts';
import { SAMPLING_KINDS, SAMPLING_NAMES } from '../request/sampling-kinds.ts';
import { anything, isOneOf } from '../request/values.ts';

/** vLLM's limit; OpenAI's is 5. */
export const MAX_LOG_PROBS = 20;

/** 0 is for what the prompt alone is asked for; -1 is no limit, as in llama-server. */
export const MAX_TOKENS: PlainKind<number | undefined> = {
  expected: 'an integer of at least 0, or -1 for no limit',
  schema: z
    .number()
    .min(-1)
    .refine(Number.isInteger)
    .meta({ type: 'integer' })
    .transform((value) => (value === -1 ? Infinity : value)),
};

export const COMPLETION_KINDS = {
  ...SAMPLING_KINDS,
  ...BIAS_TEXT_KINDS,
  ...GENERATION_KINDS,
  ...REPETITION_KINDS,
  maxTokens: MAX_TOKENS,
  model: TEXT,
  stream: BOOLEAN,
  includeUsage: BOOLEAN,
  continuousUsage: BOOLEAN,
  echo: BOOLEAN,
  include: INCLUDE,
  timingsPerToken: BOOLEAN,
  likeliest: integer({ min: 0, max: MAX_LOG_PROBS }),
  bestOf: integerFrom(1),
};

const NAMES: NamesOf<typeof COMPLETION_KINDS> = {
  ...SAMPLING_NAMES,
  ...BIAS_TEXT_NAMES,
  ...GENERATION_NAMES,
  ...REPETITION_NAMES,
  model: ['model'],
  stream: ['stream'],
  includeUsage: ['stream_options.include_usage'],
  continuousUsage: ['stream_options.continuous_usage_stats'],
  echo: ['echo'],
  include: ['include'],
  timingsPerToken: ['timings_per_token'],
  likeliest: ['logprobs', 'n_probs'],
  bestOf: ['best_of'],
};

/** Every field of a completion request. The `prompt` is no setting: `readPrompts` reads it. */
export const COMPLETION_FIELDS = fieldTable(COMPLETION_KINDS, NAMES, {
  ...Object.fromEntries(Object.entries(OTHER_FIELDS).filter(([name]) => name !== 'best_of')),
  prompt: anything,
  // Prompts begin with the tokens that the model wants, unless they are tokens already.
  add_special_tokens: isOneOf(true),
  suffix: isOneOf(''),
});
