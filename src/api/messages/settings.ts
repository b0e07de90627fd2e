import type { FieldRule, NamesOf } from '../request/field-table.ts';
import { INCLUDE } from '../request/include.ts';
import { BOOLEAN, mapped, oneOf, TEXT, tokensFrom } from '../request/kinds.ts';
import { REQUEST_KINDS, REQUEST_NAMES } from '../request/request-kinds.ts';
import { KEPT_THINKING } from './context-management.ts';
import { TOOL_CHOICE } from './tool-choice.ts';
import { TOOLS } from './tools.ts';

/** The settings that only this format has. */
const ANSWER_KINDS = {
  model: TEXT,
  stream: BOOLEAN,
  include: INCLUDE,
  /** Of how many of the last turns of the assistant the thinking is kept. */
  keptThinkingTurns: KEPT_THINKING,
};

export const MESSAGES_KINDS = { ...REQUEST_KINDS, ...ANSWER_KINDS };

/** With `adaptive`, and where it is absent, the model's template decides. Between tools there is no thinking, only text. */
const THINKING: FieldRule<boolean> = {
  name: 'thinking.type',
  kind: mapped(oneOf('enabled', 'disabled', 'adaptive', 'between_tools'), (type) =>
    type === 'adaptive' ? undefined : type === 'enabled',
  ),
};

/** Templates that read an effort know three. */
const EFFORT: FieldRule<string> = {
  name: 'output_config.effort',
  kind: mapped(oneOf('low', 'medium', 'high', 'xhigh', 'max'), (effort) =>
    effort === 'xhigh' || effort === 'max' ? 'high' : effort,
  ),
};

const DISPLAY: FieldRule<boolean> = {
  name: 'thinking.display',
  kind: mapped(oneOf('summarized', 'omitted'), (display) => display !== 'omitted'),
};

const ONE_CALL: FieldRule<boolean> = {
  name: 'tool_choice.disable_parallel_tool_use',
  kind: mapped(BOOLEAN, (isDisabled) => (isDisabled ? false : undefined)),
};

/**
 * Anthropic's fields. The samplers and template settings that it does not have keep the names they have in the other
 * formats.
 */
export const MESSAGES_NAMES: NamesOf<typeof MESSAGES_KINDS> = {
  ...REQUEST_NAMES,
  model: ['model'],
  stream: ['stream'],
  include: ['include'],
  keptThinkingTurns: ['context_management.edits'],
  maxTokens: [{ name: 'max_tokens', kind: tokensFrom(1) }],
  stop: ['stop_sequences'],
  // The second is what it was called in the beta.
  format: ['output_config.format', 'output_format'],
  choices: [],
  reportProgress: [],
  tools: [{ name: 'tools', kind: TOOLS }],
  functions: [],
  toolChoice: [{ name: 'tool_choice', kind: TOOL_CHOICE }],
  functionChoice: [],
  parallelCalls: [ONE_CALL],
  thinking: [THINKING],
  reasoningEffort: [EFFORT],
  reasoningApart: [],
  reasoningShown: [DISPLAY],
  reasoningBudget: ['thinking.budget_tokens'],
  reasoningEndMessage: [],
  hasLogProbs: [],
  topLogProbs: [],
  tokenProbs: [],
};
