import { z } from 'zod';
import { invalid, show } from './invalid-request.ts';
import type { ReaderKind } from './kinds.ts';
import { textOf } from './long-text.ts';

/** A text, or the id of a token. */
export type TokenOrText = string | number;

const LARGEST_ID = 2 ** 31 - 1;

/** The id of a token. */
export const TOKEN_ID = z.int().min(0).max(LARGEST_ID);

export function isTokenId(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= LARGEST_ID;
}

/** Text, a list of token ids, or a list of both, as llama-server takes them. Whether the model has the ids is not known yet. */
export const TOKENS_OR_TEXT: ReaderKind<readonly TokenOrText[]> = {
  shape: z.union([z.string(), z.array(z.union([TOKEN_ID, z.string()]))]),
  read(value, path) {
    const text = textOf(value);
    if (text !== undefined) return [text];
    if (!Array.isArray(value)) {
      throw invalid(path, `${path} must be a string, or a list of token ids and strings, not ${show(value)}.`);
    }
    return value.map((item: unknown, index) => {
      const piece = isTokenId(item) ? item : textOf(item);
      if (piece !== undefined) return piece;
      const place = `${path}[${String(index)}]`;
      throw invalid(place, `${place} must be a string or a token id, not ${show(item)}.`);
    });
  },
};

/** A list of token ids. */
export const TOKEN_IDS: ReaderKind<readonly number[]> = {
  shape: z.array(TOKEN_ID),
  read(value, path) {
    if (!Array.isArray(value)) throw invalid(path, `${path} must be a list of token ids, not ${show(value)}.`);
    return value.map((item: unknown, index) => {
      if (isTokenId(item)) return item;
      const place = `${path}[${String(index)}]`;
      throw invalid(place, `${place} must be a token id, not ${show(item)}.`);
    });
  },
};
