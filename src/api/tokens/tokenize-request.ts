import type { NamesOf } from '../request/field-table.ts';
import { fieldTable } from '../request/field-table.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { JsonObject, ReadOptions } from '../request/json-object.ts';
import { isJsonObject } from '../request/json-object.ts';
import { BOOLEAN, TEXT } from '../request/kinds.ts';
import { readFields } from '../request/read-fields.ts';
import type { TokenOrText } from '../request/token-text.ts';
import { TOKENS_OR_TEXT } from '../request/token-text.ts';
import { isOneOf } from '../request/values.ts';

/** How the answer to a request for tokens looks. */
export interface TokenizeForm {
  /** llama-server's: each token with its piece of the text. */
  readonly withPieces: boolean;
  /** vLLM's: the pieces in a list of their own. */
  readonly withTexts: boolean;
}

interface TextRequest extends TokenizeForm {
  readonly type: 'text';
  readonly model: string | undefined;
  readonly content: readonly TokenOrText[];
  /** Add the tokens that prompts begin and end with. */
  readonly addSpecial: boolean;
  /** Read control tokens in texts as such. */
  readonly parseSpecial: boolean;
}

interface ConversationRequest extends TokenizeForm {
  readonly type: 'conversation';
  /** The body of a chat completion request. */
  readonly chat: JsonObject;
}

export type TokenizeRequest = TextRequest | ConversationRequest;

const FORM_KINDS = { withPieces: BOOLEAN, withTexts: BOOLEAN };
const FORM_NAMES: NamesOf<typeof FORM_KINDS> = { withPieces: ['with_pieces'], withTexts: ['return_token_strs'] };

const TEXT_KINDS = { ...FORM_KINDS, model: TEXT, content: TOKENS_OR_TEXT, addSpecial: BOOLEAN, parseSpecial: BOOLEAN };

/** llama-server's fields, and vLLM's. */
export const TEXT_FIELDS = fieldTable(
  TEXT_KINDS,
  {
    ...FORM_NAMES,
    model: ['model'],
    content: ['content', 'prompt'],
    addSpecial: ['add_special', 'add_special_tokens'],
    parseSpecial: ['parse_special'],
  },
  {},
);

export const FORM_FIELDS = fieldTable(FORM_KINDS, FORM_NAMES, {
  // The template writes them.
  add_special: isOneOf(false),
  add_special_tokens: isOneOf(false),
  parse_special: isOneOf(true),
});

/**
 * Parses the body of a request for the tokens of a text (llama-server's `content`, vLLM's `prompt`), or of a conversation
 * (vLLM's `messages`). Without `content` there are none. Throws `invalid_request`.
 */
export function parseTokenizeRequest(body: unknown, options: ReadOptions): TokenizeRequest {
  if (!isJsonObject(body)) throw invalid('', `The body must be a JSON object with content, not ${show(body)}.`);
  if (body['messages'] !== undefined && body['messages'] !== null) return parseConversation(body, options);
  const { values, paths } = readFields<typeof TEXT_KINDS>(body, TEXT_FIELDS, options);
  return {
    type: 'text',
    model: values.model,
    content: values.content ?? [],
    addSpecial: values.addSpecial ?? paths.content === 'prompt',
    parseSpecial: values.parseSpecial ?? true,
    withPieces: values.withPieces ?? false,
    withTexts: values.withTexts ?? false,
  };
}

/** All fields that are not about the form of the answer are those of a chat completion. */
function parseConversation(body: JsonObject, options: ReadOptions): ConversationRequest {
  const entries = Object.entries(body);
  const form = Object.fromEntries(entries.filter(([name]) => FORM_FIELDS.has(name)));
  const { withPieces = false, withTexts = false } = readFields<typeof FORM_KINDS>(form, FORM_FIELDS, options).values;
  const chat = Object.fromEntries(entries.filter(([name]) => !FORM_FIELDS.has(name)));
  return { type: 'conversation', chat, withPieces, withTexts };
}
