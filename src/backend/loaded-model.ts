import type { GenerateRequest } from './generate-request.ts';
import type { GenerationEvent } from './generation-event.ts';
import type { ModelInfo } from './model-info.ts';

export interface ModelStats {
  readonly sequencesRunning: number;
  readonly sequencesQueued: number;
}

/** A model in memory. */
export interface LoadedModel {
  readonly info: ModelInfo;
  /**
   * Continues a conversation. Work starts at the first `next()`. Aborting `signal`, or returning from the iterator,
   * stops it within one step and frees its place; after an abort the iterator throws the signal's reason. A request that
   * cannot be served throws an error with one of our codes (see `VserveError`) before the first event.
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<GenerationEvent>;
  /**
   * A handle that holds the encoded form of an image, if the backend has it from a request of the same salt: with it, the
   * bitmap of that id needs no pixels (`Bitmap.encoded`).
   */
  encodedImage?(id: string, cacheSalt: string): object | undefined;
  stats(): ModelStats;
  /** Drops what finished requests left in the KV cache, if the backend keeps any of it. */
  resetPrefixCache?(): void;
  /**
   * Leaves this many CPUs to the server's own work from now on, initially 0: a backend that computes on all of them uses
   * fewer meanwhile, so that its streams stay even.
   */
  leaveCpus?(count: number): void;
  /** Ends running generations with `model_closed` and frees everything. Idempotent. */
  close(): Promise<void>;
}
