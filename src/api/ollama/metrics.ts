import type { FinishReason, GenerationTimings, TokenUsage } from '../../backend/index.ts';

/** What stands in the last object of an answer. Durations are in nanoseconds. */
export interface MetricsJson {
  readonly done_reason: 'stop' | 'length';
  readonly total_duration: number;
  readonly load_duration: number;
  readonly prompt_eval_count: number;
  readonly prompt_eval_duration: number;
  readonly eval_count: number;
  readonly eval_duration: number;
}

interface Ending {
  readonly reason: FinishReason;
  readonly usage: TokenUsage;
  readonly timings: GenerationTimings;
}

/** The model is always loaded. The time in the queue counts in the total alone. */
export function metricsJson({ reason, usage, timings }: Ending): MetricsJson {
  const { queueMs, prefillMs, decodeMs } = timings;
  return {
    done_reason: reason === 'length' ? 'length' : 'stop',
    total_duration: nanoseconds(queueMs + prefillMs + decodeMs),
    load_duration: 0,
    prompt_eval_count: usage.promptTokens,
    prompt_eval_duration: nanoseconds(prefillMs),
    eval_count: usage.completionTokens,
    eval_duration: nanoseconds(decodeMs),
  };
}

export function nanoseconds(ms: number): number {
  return Math.round(ms * 1e6);
}
