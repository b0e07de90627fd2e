import type { ReasoningSettings } from '../../backend/index.ts';
import type { NamesOf } from './field-table.ts';
import type { PlainKind } from './kinds.ts';
import { BOOLEAN, mapped, oneOf, TEXT, tokensFrom } from './kinds.ts';
import type { SettingsRead } from './read-fields.ts';

/** -1 is no limit. */
const BUDGET: PlainKind<number | undefined> = mapped(tokensFrom(-1), (tokens) => (tokens === -1 ? undefined : tokens));

/** llama-server's words, then Groq's. */
const REASONING_FORMAT = oneOf('none', 'auto', 'deepseek', 'parsed', 'raw', 'hidden');
const IS_APART = mapped(REASONING_FORMAT, (format) => format !== 'none' && format !== 'raw');
const UNLESS_HIDDEN = mapped(REASONING_FORMAT, (format) => (format === 'hidden' ? false : undefined));
const EXCLUDED = mapped(BOOLEAN, (isExcluded) => !isExcluded);

export const REASONING_KINDS = {
  reasoningApart: BOOLEAN,
  reasoningShown: BOOLEAN,
  reasoningBudget: BUDGET,
  reasoningEndMessage: TEXT,
} as const;

/** The fields of each setting: llama-server's, then those of OpenRouter, Anthropic, vLLM, SGLang, Qwen and MiniMax. */
export const REASONING_NAMES: NamesOf<typeof REASONING_KINDS> = {
  reasoningApart: [{ name: 'reasoning_format', kind: IS_APART }, 'separate_reasoning', 'reasoning_split'],
  reasoningShown: [
    'include_reasoning',
    { name: 'reasoning.exclude', kind: EXCLUDED },
    { name: 'reasoning_format', kind: UNLESS_HIDDEN },
  ],
  reasoningBudget: [
    'reasoning_budget_tokens',
    'reasoning_budget',
    'reasoning.max_tokens',
    'thinking.budget_tokens',
    'thinking_budget',
    'thinking_budget_tokens',
    'thinking_token_budget',
  ],
  reasoningEndMessage: ['reasoning_budget_message'],
};

/** Reasoning that is not shown is apart nevertheless, or it would be in the text. */
export function toReasoningSettings({ values }: SettingsRead<typeof REASONING_KINDS>): ReasoningSettings {
  const isShown = values.reasoningShown ?? true;
  return {
    isApart: !isShown || (values.reasoningApart ?? true),
    maxTokens: values.reasoningBudget,
    endMessage: values.reasoningEndMessage ?? '',
  };
}
