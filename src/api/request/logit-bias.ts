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
const BIAS = z.union([z.number().min(-MAX_BIAS).max(MAX_BIAS), z.literal(false)]);

/**
 * Token ids with a bias: OpenAI's object, or llama-server's list of pairs, in which `false` forbids a token. Biases of 0
 * change nothing and are left out.
 */
export const LOGIT_BIAS: ReaderKind<readonly LogitBias[]> = {
  shape: z.union([
    z.record(z.string().regex(/^\d{1,10}$/), BIAS),
    z.array(z.array(z.union([TOKEN_ID, BIAS])).length(2)),
  ]),
  read(value, path) {
    const entries = entriesOf(value, path);
    if (entries.length > MAX_ENTRIES) {
      throw invalid(path, `${path} must have at most ${String(MAX_ENTRIES)} entries, not ${String(entries.length)}.`);
    }
    return entries
      .map(({ token, bias, place }) => ({ token: readToken(token, place), bias: readBias(bias, place) }))
      .filter(({ bias }) => bias !== 0);
  },
};

interface Entry {
  readonly token: unknown;
  readonly bias: unknown;
  readonly place: string;
}

function entriesOf(value: unknown, path: string): Entry[] {
  if (isJsonObject(value)) {
    return Object.entries(value).map(([token, bias]) => ({ token, bias, place: `${path}.${shownName(token)}` }));
  }
  if (!Array.isArray(value)) {
    throw invalid(path, `${path} must be an object with a bias for each token id, not ${show(value)}.`);
  }
  return value.map((pair: unknown, index) => {
    const place = `${path}[${String(index)}]`;
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw invalid(place, `${place} must be a pair of a token id and a bias, not ${show(pair)}.`);
    }
    return { token: pair[0] as unknown, bias: pair[1] as unknown, place };
  });
}

/** Keys of an object are strings. Texts are refused: which tokens they are is up to the tokenizer. */
function readToken(token: unknown, place: string): number {
  const id = typeof token === 'string' && /^\d{1,10}$/.test(token) ? Number(token) : token;
  if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= MAX_TOKEN) return id;
  throw invalid(place, `${place} must be for a token id, not ${show(token)}. Texts have no bias, but their tokens.`);
}

function readBias(bias: unknown, place: string): number {
  if (bias === false) return -Infinity;
  if (typeof bias !== 'number' || !(Math.abs(bias) <= MAX_BIAS)) {
    const expected = `a number from ${String(-MAX_BIAS)} to ${String(MAX_BIAS)}, or false to forbid the token`;
    throw invalid(place, `${place} must be ${expected}, not ${show(bias)}.`);
  }
  return bias === -MAX_BIAS ? -Infinity : bias;
}
