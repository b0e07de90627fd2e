export interface TokenUsage {
  readonly promptTokens: number;
  /** Those of `promptTokens` that were not computed again. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

export interface GenerationTimings {
  /** From submission to admission. */
  readonly queueMs: number;
  /** From admission to the first token, image encoding included. */
  readonly prefillMs: number;
  /** From the first token to the last. */
  readonly decodeMs: number;
}

/** `stop`: the model ended its turn, or a stop string was met. `length`: `maxTokens` or the context was used up. */
export type FinishReason = 'stop' | 'length';

/**
 * What a generation tells, in order: `start` once the prompt is known, any number of `text-delta`s (whole UTF-8
 * characters, never a part of a stop string), one `finish`. A failure is thrown instead.
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
