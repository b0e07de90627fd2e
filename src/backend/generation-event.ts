export interface TokenUsage {
  readonly promptTokens: number;
  /** Those of `promptTokens` that came from the cache. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

export interface GenerationTimings {
  /** From submission to admission. */
  readonly queueMs: number;
  /** From admission to the first token, including image encoding. */
  readonly prefillMs: number;
  /** From the first token to the last. */
  readonly decodeMs: number;
}

/** `stop`: the model ended its turn, or a stop string matched. `length`: `maxTokens` or the context was exhausted. */
export type FinishReason = 'stop' | 'length';

/**
 * The events of a generation, in order: `start` once the prompt is known, any number of `text-delta`s (whole UTF-8
 * characters, never part of a stop string), one `finish`. Failures are thrown instead.
 */
export type GenerationEvent =
  | { readonly type: 'start'; readonly promptTokens: number }
  | { readonly type: 'text-delta'; readonly text: string; readonly tokens: number }
  | {
      readonly type: 'finish';
      readonly reason: FinishReason;
      readonly usage: TokenUsage;
      readonly timings: GenerationTimings;
    };
