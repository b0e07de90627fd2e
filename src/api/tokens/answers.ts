import type { TextToken } from '../../backend/index.ts';
import type { TokenizeForm } from './tokenize-request.ts';

/** A token with its text; the bytes where they are no whole characters. */
interface PieceJson {
  readonly id: number;
  readonly piece: string | readonly number[];
}

/** llama-server's tokens, with vLLM's count, context length and texts. */
export interface TokensJson {
  readonly tokens: readonly number[] | readonly PieceJson[];
  readonly count: number;
  readonly max_model_len: number;
  readonly token_strs?: readonly string[];
}

/** Of tokens whose pieces are asked for. */
export function tokensJson(
  tokens: readonly TextToken[],
  { withPieces, withTexts }: TokenizeForm,
  contextLength: number,
): TokensJson {
  return {
    tokens: withPieces ? tokens.map(pieceJson) : tokens.map(({ id }) => id),
    count: tokens.length,
    max_model_len: contextLength,
    ...(withTexts ? { token_strs: tokens.map(({ bytes }) => Buffer.from(bytes).toString()) } : {}),
  };
}

/** Ids written at a time. */
const SLICE = 32_768;

/**
 * The JSON text of the same answer without pieces. Of a long text it has millions of ids: `pause` is awaited between slices
 * of them.
 */
export async function tokenIdsText(
  ids: Int32Array,
  contextLength: number,
  pause: () => Promise<unknown>,
): Promise<string> {
  const slices: string[] = [];
  for (let at = 0; at < ids.length; at += SLICE) {
    if (at > 0) await pause();
    slices.push(ids.subarray(at, at + SLICE).join(','));
  }
  const rest = JSON.stringify({ count: ids.length, max_model_len: contextLength } satisfies Omit<TokensJson, 'tokens'>);
  return `{"tokens":[${slices.join(',')}],${rest.slice(1)}`;
}

function pieceJson({ id, bytes }: TextToken): PieceJson {
  try {
    return { id, piece: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { id, piece: [...bytes] };
  }
}

/** llama-server's name for the text, and vLLM's. */
export function textJson(text: string): { readonly content: string; readonly prompt: string } {
  return { content: text, prompt: text };
}

/** OpenAI's count of input tokens. */
export function inputTokensJson(tokens: number): { readonly object: string; readonly input_tokens: number } {
  return { object: 'response.input_tokens', input_tokens: tokens };
}
