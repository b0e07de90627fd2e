import { z } from 'zod';
import type { ImageProcessorSettings } from '../../backend/index.ts';
import type { GenerationSettings } from '../request-defaults.ts';
import { FORMAT, FORMAT_NAMES } from './answer-format.ts';
import type { KindsOf, NamesOf } from './field-table.ts';
import { invalid, show } from './invalid-request.ts';
import { isJsonObject } from './json-object.ts';
import { readJsonObject } from './json-value.ts';
import type { PlainKind, ReaderKind } from './kinds.ts';
import { BOOLEAN, integer, TEXT, tokensFrom } from './kinds.ts';

/** What several fields say together; each has a file that reads it. */
type ComposedSetting = 'tools' | 'reasoning' | 'logProbs' | 'promptLogProbs' | 'repetitionStop';

const MAX_CHOICES = 128;
const MAX_STOP_STRINGS = 16;
const MAX_STOP_TOKENS = 1000;

const STOP_STRING = z.string().min(1);
const STOP: PlainKind<readonly string[]> = {
  expected: `a non-empty string or an array of at most ${String(MAX_STOP_STRINGS)} of them`,
  schema: z.union([STOP_STRING.transform((text) => [text]), z.array(STOP_STRING).max(MAX_STOP_STRINGS)]),
};

const STOP_TOKENS: PlainKind<readonly number[]> = {
  expected: `an array of at most ${String(MAX_STOP_TOKENS)} token ids`,
  schema: z.array(z.int32().min(0)).max(MAX_STOP_TOKENS),
};

/** -1 means no limit, as in llama-server and LM Studio. */
const MAX_TOKENS: PlainKind<number | undefined> = {
  expected: 'an integer of at least 1, or -1 for no limit',
  schema: z
    .number()
    .refine((value) => Number.isInteger(value) && (value >= 1 || value === -1))
    .transform((value) => (value === -1 ? undefined : value)),
};

/** vLLM's. Which settings there are, the model's image processor decides. */
const IMAGE_PROCESSOR: ReaderKind<ImageProcessorSettings | undefined> = {
  shape: z.looseObject({}),
  read(value, path) {
    if (!isJsonObject(value)) throw invalid(path, `${path} must be an object, not ${show(value)}.`);
    const settings = Object.entries(readJsonObject(value, path)).filter(([, setting]) => setting !== null);
    return settings.length === 0 ? undefined : Object.fromEntries(settings);
  },
};

export const GENERATION_KINDS = {
  maxTokens: MAX_TOKENS,
  minTokens: tokensFrom(0),
  stop: STOP,
  stopTokens: STOP_TOKENS,
  includeStop: BOOLEAN,
  ignoreEos: BOOLEAN,
  skipSpecialTokens: BOOLEAN,
  format: FORMAT,
  choices: integer({ min: 1, max: MAX_CHOICES }),
  reportProgress: BOOLEAN,
  cacheSalt: TEXT,
  imageProcessor: IMAGE_PROCESSOR,
} as const satisfies KindsOf<Omit<GenerationSettings, ComposedSetting>>;

/** The fields of each setting: OpenAI's, then those of MAX, vLLM, SGLang, llama-server and Ollama. */
export const GENERATION_NAMES: NamesOf<typeof GENERATION_KINDS> = {
  maxTokens: ['max_completion_tokens', 'max_tokens', 'max_new_tokens', 'n_predict', 'options.num_predict'],
  minTokens: ['min_tokens', 'min_new_tokens'],
  stop: ['stop', 'options.stop'],
  stopTokens: ['stop_token_ids'],
  includeStop: ['include_stop_str_in_output', 'no_stop_trim'],
  ignoreEos: ['ignore_eos'],
  skipSpecialTokens: ['skip_special_tokens'],
  format: FORMAT_NAMES,
  choices: ['n', 'n_cmpl'],
  reportProgress: ['return_progress'],
  cacheSalt: ['cache_salt'],
  imageProcessor: ['mm_processor_kwargs'],
};
