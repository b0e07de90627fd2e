import type { ChosenToken, PromptTokenLogProb, TokenLogProb } from '../../backend/index.ts';

/** OpenAI's legacy log probabilities. */
export interface LogProbsJson {
  readonly tokens: readonly string[];
  /** Null for a token about which nothing is known. */
  readonly token_logprobs: readonly (number | null)[];
  /** By the token's text. */
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
  /** Where each token begins in the text, in characters (Unicode code points). */
  readonly text_offset: readonly number[];
}

/** OpenAI's value for a probability of 0. */
const IMPOSSIBLE = -9999;

/** Writes the tokens of one text, piece by piece, each with its place in the text. */
export class TokenList {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #characters = 0;

  /** The tokens begin with a text that is not shown. */
  skip(text: string): void {
    this.#characters = -Array.from(text).length;
  }

  /** The next tokens of the text. */
  next(tokens: readonly (ChosenToken | PromptTokenLogProb)[]): LogProbsJson {
    return {
      tokens: tokens.map(nameOf),
      token_logprobs: tokens.map(({ logProb }) => (logProb === undefined ? null : finite(logProb))),
      top_logprobs: tokens.map(likeliestOf),
      text_offset: tokens.map(({ bytes }) => this.#advance(bytes)),
    };
  }

  #advance(bytes: readonly number[]): number {
    const at = Math.max(0, this.#characters);
    for (const _ of this.#decoder.decode(Uint8Array.from(bytes), { stream: true })) this.#characters += 1;
    return at;
  }
}

/** The token that ended an answer has no text, and its probability is not told. */
export const END_TOKEN: PromptTokenLogProb = { id: -1, text: '', bytes: [], logProb: undefined, likeliest: [] };

/** With the token itself, whether or not it is one of the likeliest. */
function likeliestOf(token: ChosenToken | PromptTokenLogProb): Record<string, number> | null {
  const { logProb, likeliest } = token;
  if (logProb === undefined) return null;
  const all = [...likeliest, { ...token, logProb }];
  return Object.fromEntries(all.map((likely) => [nameOf(likely), finite(likely.logProb)]));
}

/** Its text; its bytes, as OpenAI writes them, where they are no whole characters. */
function nameOf({ text, bytes }: Pick<TokenLogProb, 'text' | 'bytes'>): string {
  if (!text.includes('\uFFFD') || isWhole(bytes)) return text;
  return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
}

function isWhole(bytes: readonly number[]): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
    return true;
  } catch {
    return false;
  }
}

function finite(logProb: number): number {
  return Math.max(logProb, IMPOSSIBLE);
}

export function textOfTokens(tokens: readonly PromptTokenLogProb[]): string {
  return Buffer.concat(tokens.map(({ bytes }) => Uint8Array.from(bytes))).toString();
}
