import { z } from 'zod';
import type { LogitBias } from '../../backend/index.ts';
import { invalid, show, shownName } from './invalid-request.ts';
import { isJsonObject } from './json-object.ts';
import type { ReaderKind } from './kinds.ts';
import { TOKEN_ID } from './token-text.ts';

/** OpenAI's: the limits stand for "never" and "as good as always". */
const MAX_BIAS = 100;
const MAX_ENTRIES = 10_000;
const MAX_TOKEN = 2 ** 31 - 1;
/** Each is made tokens before the request can begin. */
const MAX_TEXTS = 1000;
const MAX_TEXT_CHARACTERS = 1000;
const BIAS = z.union([z.number().min(-MAX_BIAS).max(MAX_BIAS), z.literal(false)]);
const TEXT = z.string().min(1).max(MAX_TEXT_CHARACTERS);

const shape = z.union([
  z.record(z.string().regex(/^([0-9]{1,10}|(?!-?[0-9]+$)[\s\S]{1,1000})$/), BIAS),
  z.array(z.array(z.union([TOKEN_ID, TEXT, BIAS])).length(2)),
]);

/** A bias of each token of a text. */
export interface TextBias {
  readonly text: string;
  readonly bias: number;
  /** Its path in the request. */
  readonly param: string;
}

/**
 * Token ids with a bias: OpenAI's object, or llama-server's list of pairs, in which `false` forbids a token. Biases of 0
 * change nothing and are left out.
 */
export const LOGIT_BIAS: ReaderKind<readonly LogitBias[]> = {
  shape,
  read: (value, path) =>
    entriesOf(value, path).flatMap(({ token, bias }) => (typeof token === 'number' ? [{ token, bias }] : [])),
};

/** llama-server's texts in place of token ids. Which tokens they are, the model's tokenizer knows. */
const BIAS_TEXTS: ReaderKind<readonly TextBias[] | undefined> = {
  shape,
  read(value, path) {
    const texts = entriesOf(value, path).flatMap(({ token, bias, place }) =>
      typeof token === 'string' ? [{ text: token, bias, param: place }] : [],
    );
    if (texts.length > MAX_TEXTS) {
      throw invalid(path, `${path} must have at most ${String(MAX_TEXTS)} texts, not ${String(texts.length)}.`);
    }
    return texts.length === 0 ? undefined : texts;
  },
};

export const BIAS_TEXT_KINDS = { biasTexts: BIAS_TEXTS } as const;
export const BIAS_TEXT_NAMES = { biasTexts: ['logit_bias'] } as const;

interface Entry {
  readonly token: number | string;
  readonly bias: number;
  readonly place: string;
}

function entriesOf(value: unknown, path: string): Entry[] {
  const entries = isJsonObject(value) ? ofObject(value, path) : ofPairs(value, path);
  if (entries.length > MAX_ENTRIES) {
    throw invalid(path, `${path} must have at most ${String(MAX_ENTRIES)} entries, not ${String(entries.length)}.`);
  }
  return entries
    .map(({ token, bias, place }) => ({ token: readToken(token, place), bias: readBias(bias, place), place }))
    .filter(({ bias }) => bias !== 0);
}

interface Unread {
  readonly token: unknown;
  readonly bias: unknown;
  readonly place: string;
}

/** Names that are numbers are token ids. */
function ofObject(value: Readonly<Record<string, unknown>>, path: string): Unread[] {
  return Object.entries(value).map(([name, bias]) => ({
    token: /^-?\d+$/.test(name) ? Number(name) : name,
    bias,
    place: `${path}.${shownName(name)}`,
  }));
}

function ofPairs(value: unknown, path: string): Unread[] {
  if (!Array.isArray(value)) {
    throw invalid(path, `${path} must be an object with a bias for each token id, not ${show(value)}.`);
  }
  return value.map((pair: unknown, index) => {
    const place = `${path}[${String(index)}]`;
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw invalid(place, `${place} must be a pair of a token id, or a text, and a bias, not ${show(pair)}.`);
    }
    return { token: pair[0] as unknown, bias: pair[1] as unknown, place };
  });
}

function readToken(token: unknown, place: string): number | string {
  if (typeof token === 'number' && Number.isInteger(token) && token >= 0 && token <= MAX_TOKEN) return token;
  if (typeof token === 'string' && token !== '' && token.length <= MAX_TEXT_CHARACTERS) return token;
  const expected = `a token id, or a text of at most ${String(MAX_TEXT_CHARACTERS)} characters`;
  throw invalid(place, `${place} must be for ${expected}, not ${show(token)}.`);
}

function readBias(bias: unknown, place: string): number {
  if (bias === false) return -Infinity;
  if (typeof bias !== 'number' || !(Math.abs(bias) <= MAX_BIAS)) {
    const expected = `a number from ${String(-MAX_BIAS)} to ${String(MAX_BIAS)}, or false to forbid the token`;
    throw invalid(place, `${place} must be ${expected}, not ${show(bias)}.`);
  }
  return bias === -MAX_BIAS ? -Infinity : bias;
}
