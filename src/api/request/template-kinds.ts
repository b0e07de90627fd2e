import { z } from 'zod';
import type { KindsOf, NamesOf } from './field-table.ts';
import type { JsonObject } from './json-object.ts';
import { isJsonObject } from './json-object.ts';
import type { PlainKind } from './kinds.ts';
import { BOOLEAN, integerFrom, mapped, oneOf, TEXT } from './kinds.ts';

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

const VARIABLES: PlainKind<JsonObject> = { expected: 'an object', schema: z.custom<JsonObject>(isJsonObject) };

/** Ollama's `think`: a switch or an effort. */
const THINK_SCHEMA = z.union([z.boolean(), z.enum(['low', 'medium', 'high'])]);
const THINK_EXPECTED = 'true, false, "low", "medium" or "high"';
const THINK: PlainKind<boolean | undefined> = {
  expected: THINK_EXPECTED,
  schema: THINK_SCHEMA.transform((think) => (typeof think === 'boolean' ? think : undefined)),
};
const THINK_EFFORT: PlainKind<string | undefined> = {
  expected: THINK_EXPECTED,
  schema: THINK_SCHEMA.transform((think) => (typeof think === 'string' ? think : undefined)),
};

const THINKING_TYPE = mapped(oneOf('enabled', 'disabled', 'adaptive', 'auto'), (type) =>
  type === 'adaptive' || type === 'auto' ? undefined : type === 'enabled',
);
/** OpenRouter's clients ask for reasoning by its budget. */
const BY_BUDGET = mapped(integerFrom(-1), (tokens) => (tokens > 0 ? true : undefined));
/** llama-server also names the part of the message to continue. */
const CONTINUES: PlainKind<boolean> = {
  expected: 'true, false or "content"',
  schema: z.union([z.boolean(), z.literal('content').transform(() => true)]),
};

export const TEMPLATE_KINDS = {
  variables: VARIABLES,
  thinking: BOOLEAN,
  reasoningEffort: mapped(TEXT, (effort) => (effort === '' ? undefined : effort)),
  addGenerationPrompt: BOOLEAN,
  continueFinalMessage: CONTINUES,
} as const satisfies KindsOf<TemplateRequest>;

export const TEMPLATE_NAMES: NamesOf<typeof TEMPLATE_KINDS> = {
  variables: ['chat_template_kwargs'],
  thinking: [
    'enable_thinking',
    'reasoning.enabled',
    { name: 'think', kind: THINK },
    { name: 'thinking.type', kind: THINKING_TYPE },
    { name: 'reasoning.max_tokens', kind: BY_BUDGET, isFallback: true },
  ],
  reasoningEffort: ['reasoning_effort', 'reasoning.effort', { name: 'think', kind: THINK_EFFORT }],
  addGenerationPrompt: ['add_generation_prompt'],
  continueFinalMessage: ['continue_final_message'],
};
