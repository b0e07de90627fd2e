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
   * Continues a conversation. Nothing happens before the first `next()`. Aborting `signal`, or returning from the
   * iterator, stops the work within one step and frees its place; after an abort the iterator throws the signal's
   * reason. A request that cannot be served throws a `VserveError` before the first event.
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<GenerationEvent>;
  stats(): ModelStats;
  /** Forgets what finished requests left in the KV cache, where the backend keeps it. */
  resetPrefixCache?(): void;
  /**
   * Leaves so many CPUs to the server's own work from now on, 0 at first: a backend whose streams are computed on all of
   * them takes fewer meanwhile, so that they go on evenly.
   */
  leaveCpus?(count: number): void;
  /** Ends running generations with `model_closed` and frees everything. A second call does nothing. */
  close(): Promise<void>;
}
