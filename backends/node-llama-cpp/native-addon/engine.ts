import type { ModelWork } from '../../../src/backend/index.ts';
import type { NativeGenerationSettings } from './generation-settings.ts';
import type { EncoderInput, NativeImage, NativePrompt, PromptRun } from './prompt.ts';

/** What is known of a model once it is loaded. */
export interface LoadedTraits {
  /** The name of our kernels for the vision encoder; empty if it uses ggml's. */
  readonly visionKernel: string;
  /** It has thoughts, which can be told from its answers. */
  readonly thinks: boolean;
  /** The quote of the strings in its calls; empty where those are JSON, or text between tags. */
  readonly stringQuote: string;
  /** How many tokens it has. */
  readonly vocabularySize: number;
  /** The most that one input of the vision encoder becomes; 0 without one. */
  readonly mostImageTokens: number;
}

/** Rejects with errors whose `code` is one of the project's table. */
export interface NativeEngine {
  load(): Promise<LoadedTraits>;
  /** Builds the prompt and queues the request; resolves with the number of prompt tokens. */
  submit(
    id: number,
    prompt: NativePrompt,
    images: readonly NativeImage[],
    settings: NativeGenerationSettings,
  ): Promise<number>;
  /** The prompt that `submit` would build. */
  inspectPrompt(prompt: NativePrompt, images: readonly NativeImage[]): Promise<readonly PromptRun[]>;
  /** The tokens of that prompt, however long it is. The images need no pixels. `forget` cancels it. */
  countPrompt(id: number, prompt: NativePrompt, images: readonly NativeImage[]): Promise<number>;
  /** The text of that prompt. */
  renderPrompt(prompt: NativePrompt, imageCount: number, marker: string): Promise<string>;
  /** The tokens of a text; control tokens in it stay text unless `parseSpecial`. */
  tokenize(text: string, parseSpecial: boolean, addSpecial: boolean): Promise<Int32Array>;
  /** The bytes of tokens that the model has, as strings of characters below 256. */
  pieces(tokens: Int32Array): Promise<readonly string[]>;
  /** The encoder's input for images; empty if llama.cpp prepares them. */
  inspectImages(images: readonly NativeImage[]): Promise<readonly EncoderInput[]>;
  /** A handle that holds the embeddings of an image, if it was encoded for a request of this salt and is cached. */
  encodedImage(imageId: string, cacheSalt: string): object | undefined;
  /**
   * A handle that holds a grammar, which may be shared: of a JSON Schema and rules for what stands in its constants, or, where
   * the schema is empty, of GBNF.
   */
  compileGrammar(schema: string, gbnf: string): Promise<object>;
  /** Loads a LoRA adapter between two steps; resolves with its id. */
  loadAdapter(path: string): Promise<number>;
  /** Frees one whose requests have ended. */
  unloadAdapter(id: number): Promise<void>;
  /** Cancels and drops a request in any state. Ignores unknown ids. */
  forget(id: number): void;
  resetPrefixCache(): void;
  /** Reserves `count` of the CPUs for other work of the process, from the next step on. */
  leaveCpus(count: number): void;
  /** `threads`: number of threads that computed the last batch. */
  stats(): {
    readonly running: number;
    readonly queued: number;
    readonly threads: number;
  };
  /** So far. */
  work(): ModelWork;
  /** Call it when no `submit` is pending. Running requests fail with `model_closed` first. */
  close(): Promise<void>;
}
