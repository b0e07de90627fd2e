import { z } from 'zod';
import type { GenerateRequest, SamplingSettings } from '../backend/index.ts';
import type { JsonObject } from './json-object.ts';
import { isJsonObject } from './json-object.ts';
import type { Kind } from './kinds.ts';
import { SAMPLERS } from './samplers.ts';
import { BOOLEAN, mapped, number, numberAbove, TEXT, integerFrom } from './kinds.ts';

/** The settings of a generation, besides its sampling and template. */
export type GenerationSettings = Omit<GenerateRequest, 'messages' | 'template' | 'sampling' | 'client'>;

/** What a request sets for the chat template. */
export interface TemplateRequest {
  /** Not validated yet. */
  readonly variables: JsonObject;
  readonly thinking: boolean;
  /** A word for the template; `none` turns thinking off. */
  readonly reasoningEffort: string;
  readonly addGenerationPrompt: boolean;
  readonly continueFinalMessage: boolean;
}

/** The kind of each setting. Some have a value that stands for an absent one: their kind maps it to undefined. */
type KindsOf<T> = { readonly [K in keyof T]-?: Kind<T[K] | undefined> };

/** Anything smaller has the same effect, but overflows 32-bit floats. */
const MIN_REPETITION_PENALTY = 1e-6;
const MAX_STOP_STRINGS = 16;

const STOP_STRING = z.string().min(1);
const STOP: Kind<readonly string[]> = {
  expected: `a non-empty string or an array of at most ${String(MAX_STOP_STRINGS)} of them`,
  schema: z.union([STOP_STRING.transform((text) => [text]), z.array(STOP_STRING).max(MAX_STOP_STRINGS)]),
};

/** Clients send signed and unsigned 64-bit seeds. -1 means a random one, as in llama-server. */
const SEED: Kind<number | undefined> = {
  expected: 'an integer of at most 64 bits',
  schema: z
    .number()
    .min(-(2 ** 63))
    .max(2 ** 64)
    .refine(Number.isInteger)
    .transform((seed) => (seed === -1 ? undefined : seed)),
};

/** -1 means no limit, as in llama-server and LM Studio. */
const MAX_TOKENS: Kind<number | undefined> = {
  expected: 'an integer of at least 1, or -1 for no limit',
  schema: z
    .number()
    .refine((value) => Number.isInteger(value) && (value >= 1 || value === -1))
    .transform((value) => (value === -1 ? undefined : value)),
};

const VARIABLES: Kind<JsonObject> = { expected: 'an object', schema: z.custom<JsonObject>(isJsonObject) };

export const SAMPLING_KINDS = {
  temperature: number({ min: 0, max: 2 }),
  topP: number({ min: 0, max: 1 }),
  topK: mapped(integerFrom(-1), (k) => (k === 0 ? -1 : k)),
  minP: number({ min: 0, max: 1 }),
  seed: SEED,
  frequencyPenalty: number({ min: -2, max: 2 }),
  presencePenalty: number({ min: -2, max: 2 }),
  repetitionPenalty: mapped(numberAbove({ min: 0, max: 2 }), (penalty) => Math.max(penalty, MIN_REPETITION_PENALTY)),
  samplers: SAMPLERS,
} as const satisfies Partial<KindsOf<SamplingSettings>>;

export const GENERATION_KINDS = {
  maxTokens: MAX_TOKENS,
  stop: STOP,
  ignoreEos: BOOLEAN,
  skipSpecialTokens: BOOLEAN,
  cacheSalt: TEXT,
} as const satisfies Partial<KindsOf<GenerationSettings>>;

export const TEMPLATE_KINDS = {
  variables: VARIABLES,
  thinking: BOOLEAN,
  reasoningEffort: mapped(TEXT, (effort) => (effort === '' ? undefined : effort)),
  addGenerationPrompt: BOOLEAN,
  continueFinalMessage: BOOLEAN,
} as const satisfies KindsOf<TemplateRequest>;
