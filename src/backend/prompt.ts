import type { ContentPart } from './chat-message.ts';
import type { ImageProcessorSettings } from './image-budget.ts';

/** A piece of a prompt that no chat template writes. */
export type PromptPart =
  /** Control tokens in it count as such, as in llama-server and vLLM. */
  ContentPart | { readonly type: 'tokens'; readonly tokens: readonly number[]; readonly param?: string };

/** A token of a text. */
export interface TextToken {
  readonly id: number;
  /** Its bytes: pieces of a character where it has no whole one. */
  readonly bytes: Uint8Array;
}

export interface TokenizeOptions {
  /** Begin with the tokens that the model's prompts begin with (BOS), and end with those they end with. */
  readonly addSpecial: boolean;
  /** Read control tokens in the text as such. */
  readonly parseSpecial: boolean;
}

/** A request for the embedding of one input. */
export interface EmbedRequest {
  readonly input: readonly PromptPart[];
  /** As in `GenerateRequest`. */
  readonly cacheSalt: string;
  readonly imageProcessor?: ImageProcessorSettings | undefined;
  readonly client?: readonly string[] | undefined;
}

export interface Embedding {
  /** Of unit length. */
  readonly vector: Float32Array;
  readonly promptTokens: number;
}
