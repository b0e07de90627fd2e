import { fieldTable } from '../request/field-table.ts';
import type { HasNoEffect } from '../request/json-object.ts';
import { OTHER_FIELDS } from '../request/other-fields.ts';
import { anything, isEmpty, isOneOf, never } from '../request/values.ts';
import { RESPONSE_KINDS, RESPONSE_NAMES } from './settings.ts';

/** Other fields of a chat completion that are settings here. */
const SETTINGS: readonly string[] = ['reasoning.generate_summary', 'reasoning.summary', 'store'];

const RESPONSES: Readonly<Record<string, HasNoEffect>> = {
  // Codex's own bookkeeping.
  client_metadata: anything,
  context_management: isEmpty,
  conversation: never,
  logprobs: isOneOf(false),
  n: isOneOf(1),
  prompt: never,
  'reasoning.context': isOneOf('auto'),
  'reasoning.mode': isOneOf('standard'),
  'text.verbosity': isOneOf('medium'),
};

/** Every field of a request for a response. `input` is no setting: `readInput` reads it. */
export const RESPONSE_FIELDS = fieldTable(RESPONSE_KINDS, RESPONSE_NAMES, {
  ...Object.fromEntries(Object.entries(OTHER_FIELDS).filter(([name]) => !SETTINGS.includes(name))),
  ...RESPONSES,
  input: anything,
});
