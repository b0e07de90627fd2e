import type { NamesOf } from '../request/field-table.ts';
import { fieldTable } from '../request/field-table.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { JsonObject, ReadOptions } from '../request/json-object.ts';
import { isJsonObject } from '../request/json-object.ts';
import { integer, oneOf, TEXT } from '../request/kinds.ts';
import { textOf } from '../request/long-text.ts';
import type { TextualPart } from '../request/mixed-tokens.ts';
import { readMixedTokens } from '../request/mixed-tokens.ts';
import { OTHER_FIELDS } from '../request/other-fields.ts';
import { readFields } from '../request/read-fields.ts';
import { isTokenId } from '../request/token-text.ts';
import { anything, isEmpty, isOneOf } from '../request/values.ts';

/** OpenAI's limit. */
export const MAX_INPUTS = 2048;
const MAX_DIMENSIONS = 1_000_000;

/** How embeddings are answered. */
export interface EmbeddingForm {
  readonly encoding: 'float' | 'base64';
  /** The length of the vectors; undefined is the model's own. */
  readonly dimensions: number | undefined;
}

interface Inputs extends EmbeddingForm {
  readonly type: 'inputs';
  readonly model: string | undefined;
  /** A vector for each. */
  readonly inputs: readonly (readonly TextualPart[])[];
  readonly cacheSalt: string;
}

interface Conversation extends EmbeddingForm {
  readonly type: 'conversation';
  /** The body of a chat completion request. */
  readonly chat: JsonObject;
}

export type EmbeddingRequest = Inputs | Conversation;

const FORM_KINDS = { encoding: oneOf('float', 'base64'), dimensions: integer({ min: 1, max: MAX_DIMENSIONS }) };
const FORM_NAMES: NamesOf<typeof FORM_KINDS> = { encoding: ['encoding_format'], dimensions: ['dimensions'] };
/** All vectors are of unit length. */
const NORMALIZED = { embd_normalize: isOneOf(2), normalize: isOneOf(true), embed_dtype: isOneOf('float32') };

const INPUT_KINDS = { ...FORM_KINDS, model: TEXT, cacheSalt: TEXT };
export const INPUT_FIELDS = fieldTable(
  INPUT_KINDS,
  { ...FORM_NAMES, model: ['model'], cacheSalt: ['cache_salt'] },
  { ...OTHER_FIELDS, ...NORMALIZED, input: anything, add_special_tokens: isOneOf(true), mm_processor_kwargs: isEmpty },
);
export const FORM_FIELDS = fieldTable(FORM_KINDS, FORM_NAMES, NORMALIZED);

/**
 * Parses the body of a request for embeddings: OpenAI's `input`, or vLLM's `messages`, which may have images. Throws
 * `invalid_request`, `unsupported_parameter`.
 */
export function parseEmbeddingRequest(body: unknown, options: ReadOptions): EmbeddingRequest {
  if (!isJsonObject(body)) throw invalid('', `The body must be a JSON object with input, not ${show(body)}.`);
  if (body['messages'] !== undefined && body['messages'] !== null) return parseConversation(body, options);
  const { values } = readFields<typeof INPUT_KINDS>(body, INPUT_FIELDS, options);
  return {
    type: 'inputs',
    model: values.model,
    inputs: readInputs(body['input']),
    cacheSalt: values.cacheSalt ?? '',
    ...formOf(values),
  };
}

/** All fields that are not about the form of the answer are those of a chat completion. */
function parseConversation(body: JsonObject, options: ReadOptions): Conversation {
  const entries = Object.entries(body);
  const form = Object.fromEntries(entries.filter(([name]) => FORM_FIELDS.has(name)));
  const chat = Object.fromEntries(entries.filter(([name]) => !FORM_FIELDS.has(name)));
  return { type: 'conversation', chat, ...formOf(readFields<typeof FORM_KINDS>(form, FORM_FIELDS, options).values) };
}

function formOf({
  encoding = 'float',
  dimensions,
}: {
  encoding?: 'float' | 'base64';
  dimensions?: number;
}): EmbeddingForm {
  return { encoding, dimensions };
}

/** A text, token ids, both in one list, or a list of these. */
function readInputs(value: unknown): Inputs['inputs'] {
  if (value === undefined || value === null) throw invalid('input', 'input is missing: send a string or token ids.');
  if (!Array.isArray(value) || value.some(isTokenId)) return [readInput(value, 'input')];
  if (value.length === 0) throw invalid('input', 'input is an empty list.');
  if (value.length > MAX_INPUTS) {
    throw invalid('input', `input must have at most ${String(MAX_INPUTS)} inputs, not ${String(value.length)}.`);
  }
  return value.map((input: unknown, index) => readInput(input, `input[${String(index)}]`));
}

function readInput(value: unknown, path: string): Inputs['inputs'][number] {
  const text = textOf(value);
  if (text !== undefined) return [{ type: 'text', text }];
  if (Array.isArray(value)) return readMixedTokens(value, path);
  throw invalid(path, `${path} must be a string or a list of token ids, not ${show(value)}.`);
}
