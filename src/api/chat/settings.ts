import { BOOLEAN, mapped, oneOf, TEXT } from '../kinds.ts';
import type { Kind } from '../kinds.ts';
import { z } from 'zod';
import type { NamesOf } from '../field-table.ts';
import { GENERATION_KINDS, SAMPLING_KINDS, TEMPLATE_KINDS } from '../setting-kinds.ts';

/** The settings of the response. */
const ANSWER_KINDS = {
  model: TEXT,
  stream: BOOLEAN,
  includeUsage: BOOLEAN,
  continuousUsage: BOOLEAN,
};

export const CHAT_KINDS = { ...SAMPLING_KINDS, ...GENERATION_KINDS, ...TEMPLATE_KINDS, ...ANSWER_KINDS };

/** Ollama's `think`: a switch or an effort. */
const THINK_SCHEMA = z.union([z.boolean(), z.enum(['low', 'medium', 'high'])]);
const THINK_EXPECTED = 'true, false, "low", "medium" or "high"';
const THINK: Kind<boolean | undefined> = {
  expected: THINK_EXPECTED,
  schema: THINK_SCHEMA.transform((think) => (typeof think === 'boolean' ? think : undefined)),
};
const THINK_EFFORT: Kind<string | undefined> = {
  expected: THINK_EXPECTED,
  schema: THINK_SCHEMA.transform((think) => (typeof think === 'string' ? think : undefined)),
};

const THINKING_TYPE = mapped(oneOf('enabled', 'disabled', 'adaptive', 'auto'), (type) =>
  type === 'adaptive' || type === 'auto' ? undefined : type === 'enabled',
);
/** Reasoning cannot be removed from the answer, so thinking is turned off instead. */
const WITHOUT_THOUGHTS = mapped(BOOLEAN, (isWithout) => (isWithout ? false : undefined));
const WITH_THOUGHTS = mapped(BOOLEAN, (isWith) => (isWith ? undefined : false));
const GREEDY_UNLESS_SAMPLED = mapped(BOOLEAN, (samples) => (samples ? undefined : 0));
/** llama-server also names the part of the message to continue. */
const CONTINUES: Kind<boolean> = {
  expected: 'true, false or "content"',
  schema: z.union([z.boolean(), z.literal('content').transform(() => true)]),
};

/** The fields of each setting: OpenAI's, then those of MAX, vLLM, llama-server, Ollama, OpenRouter and others. */
export const CHAT_NAMES: NamesOf<typeof CHAT_KINDS> = {
  temperature: ['temperature', 'options.temperature', { name: 'do_sample', kind: GREEDY_UNLESS_SAMPLED }],
  topP: ['top_p', 'options.top_p'],
  topK: ['top_k', 'options.top_k'],
  minP: ['min_p', 'options.min_p'],
  seed: ['seed', 'random_seed', 'options.seed'],
  frequencyPenalty: ['frequency_penalty', 'options.frequency_penalty'],
  presencePenalty: ['presence_penalty', 'options.presence_penalty'],
  repetitionPenalty: ['repetition_penalty', 'repeat_penalty', 'options.repeat_penalty'],
  samplers: ['samplers'],
  maxTokens: [
    'max_completion_tokens',
    { name: 'max_tokens', isFallback: true },
    { name: 'max_new_tokens', isFallback: true },
    { name: 'n_predict', isFallback: true },
    { name: 'options.num_predict', isFallback: true },
  ],
  stop: ['stop', 'options.stop'],
  ignoreEos: ['ignore_eos'],
  skipSpecialTokens: ['skip_special_tokens'],
  cacheSalt: ['cache_salt'],
  variables: ['chat_template_kwargs'],
  thinking: [
    'enable_thinking',
    'reasoning.enabled',
    { name: 'think', kind: THINK },
    { name: 'thinking.type', kind: THINKING_TYPE },
    { name: 'include_reasoning', kind: WITH_THOUGHTS },
    { name: 'reasoning.exclude', kind: WITHOUT_THOUGHTS },
  ],
  reasoningEffort: ['reasoning_effort', 'reasoning.effort', { name: 'think', kind: THINK_EFFORT }],
  addGenerationPrompt: ['add_generation_prompt'],
  continueFinalMessage: [{ name: 'continue_final_message', kind: CONTINUES }],
  model: ['model'],
  stream: ['stream'],
  includeUsage: ['stream_options.include_usage', 'usage.include'],
  continuousUsage: ['stream_options.continuous_usage_stats'],
};
