import type { ParsedPromptPart } from '../parsed-request.ts';
import { invalid, show } from './invalid-request.ts';
import { textOf } from './long-text.ts';
import { isTokenId } from './token-text.ts';

/** A part of a prompt that is no image. */
export type TextualPart = Exclude<ParsedPromptPart, { readonly type: 'image' }>;

/** Reads a list of token ids and strings as the parts of one prompt. Throws `invalid_request`. */
export function readMixedTokens(items: readonly unknown[], path: string): TextualPart[] {
  if (items.length === 0) throw invalid(path, `${path} has no tokens.`);
  const parts: TextualPart[] = [];
  let run: number[] | undefined;
  for (const [index, item] of items.entries()) {
    const text = textOf(item);
    if (text !== undefined) {
      run = undefined;
      parts.push({ type: 'text', text });
    } else if (!isTokenId(item)) {
      const place = `${path}[${String(index)}]`;
      throw invalid(place, `${place} must be a token id or a string, not ${show(item)}.`);
    } else if (run === undefined) {
      run = [item];
      parts.push({ type: 'tokens', tokens: run, param: path });
    } else {
      run.push(item);
    }
  }
  return parts;
}
