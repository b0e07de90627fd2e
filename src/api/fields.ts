import { z } from 'zod';
import { show } from './invalid-request.ts';

interface Range {
  readonly min: number;
  readonly max: number;
  readonly integer?: boolean;
  readonly aboveMin?: boolean;
}

function describe({ min, max, integer, aboveMin }: Range): string {
  const kind = integer === true ? 'a whole number' : 'a number';
  const from = aboveMin === true ? `above ${String(min)}` : `from ${String(min)}`;
  return `${kind} ${from} to ${String(max)}`;
}

/** A number whose error says the field, what is allowed, and what came. */
function number(name: string, range: Range): z.ZodOptional<z.ZodNumber> {
  const error = (issue: { readonly input?: unknown }): string =>
    `${name} must be ${describe(range)}, not ${show(issue.input)}.`;
  const base = range.integer === true ? z.int({ error }) : z.number({ error });
  const bounded = range.aboveMin === true ? base.gt(range.min, { error }) : base.min(range.min, { error });
  return bounded.max(range.max, { error }).optional();
}

function boolean(name: string): z.ZodOptional<z.ZodBoolean> {
  return z.boolean({ error: ({ input }) => `${name} must be true or false, not ${show(input)}.` }).optional();
}

const most = Number.MAX_SAFE_INTEGER;
const stopError = 'stop must be a text, or a list of at most 16 texts, none of them empty.';
const stopString = z.string({ error: stopError }).min(1, { error: stopError });

/** The fields of a chat completion request that have an effect, besides `messages`. */
export const chatFields = z.object({
  model: z.string({ error: ({ input }) => `model must be a text, not ${show(input)}.` }).optional(),
  temperature: number('temperature', { min: 0, max: 2 }),
  top_p: number('top_p', { min: 0, max: 1, aboveMin: true }),
  top_k: number('top_k', { min: -1, max: most, integer: true }),
  min_p: number('min_p', { min: 0, max: 1 }),
  seed: number('seed', { min: -most, max: most, integer: true }),
  max_tokens: number('max_tokens', { min: 1, max: most, integer: true }),
  max_completion_tokens: number('max_completion_tokens', { min: 1, max: most, integer: true }),
  frequency_penalty: number('frequency_penalty', { min: -2, max: 2 }),
  presence_penalty: number('presence_penalty', { min: -2, max: 2 }),
  repetition_penalty: number('repetition_penalty', { min: 0, max: 2, aboveMin: true }),
  stop: z.union([stopString, z.array(stopString).max(16, { error: stopError })], { error: stopError }).optional(),
  ignore_eos: boolean('ignore_eos'),
  cache_salt: z.string({ error: ({ input }) => `cache_salt must be a text, not ${show(input)}.` }).optional(),
  stream: boolean('stream'),
  stream_options: z
    .looseObject(
      { include_usage: boolean('stream_options.include_usage') },
      { error: ({ input }) => `stream_options must be an object, not ${show(input)}.` },
    )
    .optional(),
});

/** Fields of OpenAI's (and of MAX's) that change nothing about an answer of one served model. */
export const fieldsWithoutEffect: ReadonlySet<string> = new Set([
  'metadata',
  'parallel_tool_calls',
  'prompt_cache_key',
  'prompt_cache_retention',
  'safety_identifier',
  'service_tier',
  'store',
  'user',
]);

/**
 * Fields that would change an answer and are not there yet, each with the values that ask for nothing. Any other value
 * is refused: an answer that ignores what was asked is worse than none.
 */
export const unsupportedFields: Readonly<Record<string, (value: unknown) => boolean>> = {
  audio: never,
  chat_template_kwargs: isEmpty,
  function_call: (value) => value === 'none' || value === 'auto',
  functions: isEmpty,
  logit_bias: isEmpty,
  logprobs: (value) => value === false,
  min_tokens: (value) => value === 0,
  modalities: (value) => Array.isArray(value) && value.length === 1 && value[0] === 'text',
  n: (value) => value === 1,
  prediction: never,
  reasoning: isEmpty,
  reasoning_effort: (value) => value === 'none',
  response_format: (value) => (value as { type?: unknown }).type === 'text',
  stop_token_ids: isEmpty,
  thinking: (value) => (value as { type?: unknown }).type === 'disabled',
  tool_choice: (value) => value === 'none' || value === 'auto',
  tools: isEmpty,
  top_logprobs: (value) => value === 0,
  verbosity: never,
  web_search_options: never,
};

function never(): boolean {
  return false;
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
