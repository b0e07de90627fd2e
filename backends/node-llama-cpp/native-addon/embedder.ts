import type { Embedding } from '../../../src/backend/index.ts';
import type { NativeImage, NativePrompt } from './prompt.ts';

/** What is known of an embedder once it is loaded. */
export interface EmbedderTraits {
  readonly dimensions: number;
  readonly vocabularySize: number;
  readonly seesImages: boolean;
}

type NativePieces = Extract<NativePrompt, { readonly prompt: unknown }>;

/** Rejects with errors whose `code` is one of the project's table. */
export interface NativeEmbedder {
  load(): Promise<EmbedderTraits>;
  /** `client`: as of a request. */
  embed(
    id: number,
    prompt: NativePieces,
    images: readonly NativeImage[],
    cacheSalt: string,
    client: readonly string[],
  ): Promise<Embedding>;
  /** The images need no pixels. */
  countPrompt(prompt: NativePieces, images: readonly NativeImage[]): Promise<number>;
  /** These three as a `NativeEngine`'s. */
  renderPrompt(prompt: NativePrompt, imageCount: number, marker: string): Promise<string>;
  tokenize(text: string, parseSpecial: boolean, addSpecial: boolean): Promise<Int32Array>;
  pieces(tokens: Int32Array): Promise<readonly string[]>;
  /** Cancels and drops an input in any state. Ignores unknown ids. */
  forget(id: number): void;
  /** Inputs fail with `model_closed` first. */
  close(): Promise<void>;
}
