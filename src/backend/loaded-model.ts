import type { BackendMetric } from './backend-metric.ts';
import type { Bitmap } from './bitmap.ts';
import type { GenerateRequest, PromptRequest } from './generate-request.ts';
import type { GenerationEvent } from './generation-event.ts';
import type { ImageBudget, ImageProcessorSettings } from './image-budget.ts';
import type { ModelInfo } from './model-info.ts';
import type { ModelWork } from './model-work.ts';
import type { EmbedRequest, Embedding, TextToken, TokenizeOptions } from './prompt.ts';

/** Stands for an image in the text of a prompt. */
export const IMAGE_MARKER = '<__image__>';

export interface ModelStats {
  readonly sequencesRunning: number;
  readonly sequencesQueued: number;
}

/** An image as a request asks for it, without its pixels. */
export interface AskedImage extends Pick<Bitmap, 'id' | 'width' | 'height'> {
  readonly budget?: ImageBudget | undefined;
  readonly processor?: ImageProcessorSettings | undefined;
}

/** A LoRA adapter in memory, beside the model that it changes. */
export interface LoadedAdapter {
  /** For `GenerateRequest.adapter`. No other adapter of the model ever has it. */
  readonly id: number;
  /** Takes no more generations, and frees it when those that use it have ended. Idempotent. */
  unload(): Promise<void>;
}

/** A model in memory. */
export interface LoadedModel {
  readonly info: ModelInfo;
  /**
   * How it takes images, besides pixels: as files (`Bitmap.file`), or those of the web as URLs and others as files
   * (`Bitmap.url`).
   */
  readonly imagesAs?: 'files' | 'urls';
  /**
   * Continues a conversation. Work starts at the first `next()`. Aborting `signal`, or returning from the iterator,
   * stops it within one step and frees its place; after an abort the iterator throws the signal's reason. A request that
   * cannot be served throws an error with one of our codes (see `VserveError`) before the first event.
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<GenerationEvent>;
  /**
   * A handle that holds the encoded form of an image, if the backend has it from a request of the same salt: with it, the
   * bitmap needs no pixels in a request that asks for it alike (`Bitmap.encoded`).
   */
  encodedImage?(image: AskedImage, cacheSalt: string): object | undefined;
  /**
   * Tokens of the prompt of a request. Images count by their size alone: their `rgb` is empty, and nothing is encoded.
   */
  countPrompt?(request: PromptRequest, signal: AbortSignal): Promise<number>;
  /** The text of the prompt of a request, with `IMAGE_MARKER` in place of each image. */
  renderPrompt?(request: PromptRequest, signal: AbortSignal): Promise<string>;
  tokenize?(text: string, options: TokenizeOptions): Promise<readonly TextToken[]>;
  /** The ids alone, of a text of any length. A backend that lacks it is asked to `tokenize`. */
  tokenIds?(text: string, options: TokenizeOptions): Promise<Int32Array>;
  /** The text of tokens, control tokens included. Throws `invalid_request` for an id that the model does not have. */
  detokenize?(tokens: readonly number[]): Promise<string>;
  /** The embedding of an input, if the model's `capabilities` have that. Errors and aborts as of `generate`. */
  embed?(request: EmbedRequest, signal: AbortSignal): Promise<Embedding>;
  /**
   * Loads a LoRA adapter from a GGUF file, beside others and while generations run; `generate` takes its id then. Throws
   * `gguf_invalid` for one that does not fit the model, `model_load_failed`, `out_of_memory`.
   */
  loadAdapter?(path: string): Promise<LoadedAdapter>;
  stats(): ModelStats;
  /** What it has computed so far, for metrics; undefined once it is closed. */
  work?(): ModelWork | undefined;
  /** Further metrics, the same names at every call. */
  metrics?(): readonly BackendMetric[];
  /** Sequences that it can compute at the moment, if that changes: `ModelInfo.maxBatchSize` is the number at the start. */
  capacity?(): number;
  /** Reads its files again. What cannot be used is thrown, and what was there before stays. */
  reload?(): Promise<void>;
  /** Drops what finished requests left in the KV cache, if the backend keeps any of it. */
  resetPrefixCache?(): void;
  /**
   * Leaves this many CPUs to the server's own work from now on, initially 0: a backend that computes on all of them uses
   * fewer meanwhile, so that its streams stay even.
   */
  leaveCpus?(count: number): void;
  /**
   * Does beforehand, at low priority, what would make the first request of a kind slow, and others beside it. A server asks
   * for it once it answers requests. Resolves early when the model is closed.
   */
  warmUp?(): Promise<void>;
  /** Ends running generations with `model_closed` and frees everything. Idempotent. */
  close(): Promise<void>;
}
