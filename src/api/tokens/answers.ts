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
