import { z } from 'zod';
import type { GenerateRequest, SamplingSettings } from '../backend/index.ts';
import type { Kind } from './kinds.ts';
import { BOOLEAN, mapped, number, numberAbove, TEXT, wholeNumberFrom } from './kinds.ts';

/** What a request says about its generation, besides the conversation. */
export type GenerationSettings = Omit<GenerateRequest, 'messages' | 'template' | 'sampling'>;

/** What a request says about the chat template. */
export interface TemplateRequest {
  /** As they came: not checked yet. */
  readonly variables: object;
  readonly thinking: boolean;
  /** A word that the template may know; `none` asks for no thinking. */
  readonly reasoningEffort: string;
  readonly addGenerationPrompt: boolean;
  readonly continueFinalMessage: boolean;
}

/** A kind for each setting; one that can be left out by a value of its own gives undefined for it. */
type KindsOf<T> = { readonly [K in keyof T]-?: Kind<T[K] | undefined> };

/** A stronger penalty orders the tokens the same way, and overflows in 32 bits. */
const MIN_REPETITION_PENALTY = 1e-6;
const MAX_STOP_STRINGS = 16;

const STOP_STRING = z.string().min(1);
const STOP: Kind<readonly string[]> = {
  expected: `a text, or a list of at most ${String(MAX_STOP_STRINGS)} texts, none of them empty`,
  schema: z.union([STOP_STRING.transform((text) => [text]), z.array(STOP_STRING).max(MAX_STOP_STRINGS)]),
};

/** Clients draw seeds of 64 bits, with and without a sign. -1 is llama-server's way to have one drawn. */
const SEED: Kind<number | undefined> = {
  expected: 'a whole number of at most 64 bits',
  schema: z
    .number()
    .min(-(2 ** 63))
    .max(2 ** 64)
    .refine(Number.isInteger)
    .transform((seed) => (seed === -1 ? undefined : seed)),
};

/** -1 is llama-server's and LM Studio's way to set no limit. */
const MAX_TOKENS: Kind<number | undefined> = {
  expected: 'a whole number of at least 1, or -1 for no limit',
  schema: z
    .number()
    .refine((value) => Number.isInteger(value) && (value >= 1 || value === -1))
    .transform((value) => (value === -1 ? undefined : value)),
};

const VARIABLES: Kind<object> = {
  expected: 'an object',
  schema: z.custom<object>((value) => typeof value === 'object' && value !== null && !Array.isArray(value)),
};

export const SAMPLING_KINDS = {
  temperature: number({ min: 0, max: 2 }),
  topP: number({ min: 0, max: 1 }),
  topK: mapped(wholeNumberFrom(-1), (k) => (k === 0 ? -1 : k)),
  minP: number({ min: 0, max: 1 }),
  seed: SEED,
  frequencyPenalty: number({ min: -2, max: 2 }),
  presencePenalty: number({ min: -2, max: 2 }),
  repetitionPenalty: mapped(numberAbove({ min: 0, max: 2 }), (penalty) => Math.max(penalty, MIN_REPETITION_PENALTY)),
} as const satisfies KindsOf<SamplingSettings>;

export const GENERATION_KINDS = {
  maxTokens: MAX_TOKENS,
  stop: STOP,
  ignoreEos: BOOLEAN,
  skipSpecialTokens: BOOLEAN,
  cacheSalt: TEXT,
} as const satisfies KindsOf<GenerationSettings>;

export const TEMPLATE_KINDS = {
  variables: VARIABLES,
  thinking: BOOLEAN,
  reasoningEffort: mapped(TEXT, (effort) => (effort === '' ? undefined : effort)),
  addGenerationPrompt: BOOLEAN,
  continueFinalMessage: BOOLEAN,
} as const satisfies KindsOf<TemplateRequest>;

export const GENERATION_DEFAULTS: GenerationSettings = {
  maxTokens: undefined,
  stop: [],
  ignoreEos: false,
  skipSpecialTokens: true,
  cacheSalt: '',
};
