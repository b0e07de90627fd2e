import { z } from 'zod';
import type { SamplingSettings } from '../../backend/index.ts';
import type { KindsOf, NamesOf } from './field-table.ts';
import type { PlainKind } from './kinds.ts';
import { BOOLEAN, integerFrom, mapped, number, numberAbove, tokensFrom } from './kinds.ts';
import { LOGIT_BIAS } from './logit-bias.ts';
import { SAMPLERS } from './samplers.ts';

/** Anything smaller has the same effect, but overflows 32-bit floats. */
const MIN_REPETITION_PENALTY = 1e-6;
/** Larger than any value that has a sense, and far from the limits of 32-bit floats. */
const LARGE = 1000;
const PROBABILITY = number({ min: 0, max: 1 });

/** Clients send signed and unsigned 64-bit seeds. -1 means a random one, as in llama-server. */
const SEED: PlainKind<number | undefined> = {
  expected: 'an integer of at most 64 bits',
  schema: z
    .number()
    .min(-(2 ** 63))
    .max(2 ** 64)
    .refine(Number.isInteger)
    .transform((seed) => (seed === -1 ? undefined : seed)),
};

const MIROSTAT: PlainKind<0 | 1 | 2> = {
  expected: '0, 1 or 2',
  schema: z.union([z.literal(0), z.literal(1), z.literal(2)]),
};

/** Each is looked for in the whole vocabulary. */
const MAX_BREAKERS = 32;
const MAX_BREAKER_CHARACTERS = 100;
const BREAKERS: PlainKind<readonly string[]> = {
  expected: `an array of at most ${String(MAX_BREAKERS)} non-empty strings of at most ${String(MAX_BREAKER_CHARACTERS)} characters`,
  schema: z.array(z.string().min(1).max(MAX_BREAKER_CHARACTERS)).max(MAX_BREAKERS),
};

const GREEDY_UNLESS_SAMPLED = mapped(BOOLEAN, (samples) => (samples ? undefined : 0));

/** As in vLLM. */
const MAX_ALLOWED_TOKENS = 1024;
const TOKEN_IDS: PlainKind<readonly number[]> = {
  expected: `an array of at most ${String(MAX_ALLOWED_TOKENS)} token ids`,
  schema: z.array(z.int32().min(0)).max(MAX_ALLOWED_TOKENS),
};

/** What vLLM's processor for DeepSeek-OCR looks at where it is not told. */
const OCR_WINDOW = 100;

const ANY_SIZE = tokensFrom(0);
/** Hugging Face's processor looks at the prompt and the answer, those of vLLM at the answer alone. */
const WITH_PROMPT = mapped(ANY_SIZE, () => true);

export const SAMPLING_KINDS = {
  temperature: number({ min: 0, max: 2 }),
  temperatureRange: number({ min: 0, max: 2 }),
  temperatureExponent: number({ min: 0, max: LARGE }),
  topP: PROBABILITY,
  topK: mapped(integerFrom(-1), (k) => (k === 0 ? -1 : k)),
  minP: PROBABILITY,
  typicalP: PROBABILITY,
  topNSigma: mapped(number({ min: -1, max: LARGE }), (sigmas) => (sigmas > 0 ? sigmas : -1)),
  minKeep: tokensFrom(0),
  xtcProbability: PROBABILITY,
  xtcThreshold: PROBABILITY,
  adaptiveTarget: mapped(number({ min: -1, max: 1 }), (target) => (target < 0 ? -1 : target)),
  adaptiveDecay: number({ min: 0, max: 0.99 }),
  mirostat: MIROSTAT,
  mirostatTau: number({ min: 0, max: LARGE }),
  mirostatEta: number({ min: 0, max: LARGE }),
  seed: SEED,
  frequencyPenalty: number({ min: -2, max: 2 }),
  presencePenalty: number({ min: -2, max: 2 }),
  repetitionPenalty: mapped(numberAbove({ min: 0, max: 2 }), (penalty) => Math.max(penalty, MIN_REPETITION_PENALTY)),
  penaltyWindow: tokensFrom(-1),
  noRepeatNgramSize: ANY_SIZE,
  noRepeatNgramWindow: tokensFrom(-1),
  noRepeatNgramPrompt: BOOLEAN,
  noRepeatNgramAllowed: TOKEN_IDS,
  dryMultiplier: number({ min: 0, max: LARGE }),
  dryBase: number({ min: 1, max: LARGE }),
  dryAllowedLength: tokensFrom(0),
  dryWindow: tokensFrom(-1),
  dryBreakers: BREAKERS,
  logitBias: LOGIT_BIAS,
  samplers: SAMPLERS,
} as const satisfies KindsOf<SamplingSettings>;

/** The fields of each setting: OpenAI's, then those of MAX, vLLM, llama-server and Ollama. */
export const SAMPLING_NAMES: NamesOf<typeof SAMPLING_KINDS> = {
  temperature: ['temperature', 'options.temperature', { name: 'do_sample', kind: GREEDY_UNLESS_SAMPLED }],
  temperatureRange: ['dynatemp_range'],
  temperatureExponent: ['dynatemp_exponent'],
  topP: ['top_p', 'options.top_p'],
  topK: ['top_k', 'options.top_k'],
  minP: ['min_p', 'options.min_p'],
  typicalP: ['typical_p', 'options.typical_p'],
  topNSigma: ['top_n_sigma'],
  minKeep: ['min_keep'],
  xtcProbability: ['xtc_probability'],
  xtcThreshold: ['xtc_threshold'],
  adaptiveTarget: ['adaptive_target'],
  adaptiveDecay: ['adaptive_decay'],
  mirostat: ['mirostat', 'options.mirostat'],
  mirostatTau: ['mirostat_tau', 'options.mirostat_tau'],
  mirostatEta: ['mirostat_eta', 'options.mirostat_eta'],
  seed: ['seed', 'random_seed', 'options.seed'],
  frequencyPenalty: ['frequency_penalty', 'options.frequency_penalty'],
  presencePenalty: ['presence_penalty', 'options.presence_penalty'],
  repetitionPenalty: ['repetition_penalty', 'repeat_penalty', 'options.repeat_penalty'],
  penaltyWindow: ['repeat_last_n', 'options.repeat_last_n'],
  noRepeatNgramSize: ['no_repeat_ngram_size', 'vllm_xargs.no_repeat_ngram_size', 'vllm_xargs.ngram_size'],
  noRepeatNgramWindow: [
    'no_repeat_ngram_window',
    'vllm_xargs.window_size',
    { name: 'vllm_xargs.ngram_size', kind: mapped(ANY_SIZE, () => OCR_WINDOW), isFallback: true },
  ],
  noRepeatNgramPrompt: [{ name: 'no_repeat_ngram_size', kind: WITH_PROMPT }],
  noRepeatNgramAllowed: ['vllm_xargs.whitelist_token_ids'],
  dryMultiplier: ['dry_multiplier'],
  dryBase: ['dry_base'],
  dryAllowedLength: ['dry_allowed_length'],
  dryWindow: ['dry_penalty_last_n'],
  dryBreakers: ['dry_sequence_breakers'],
  logitBias: ['logit_bias'],
  samplers: ['samplers'],
};
