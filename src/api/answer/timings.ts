import { z } from 'zod';
import type { GenerationTimings, TokenUsage } from '../../backend/index.ts';

/** llama-server's timings of a response: times in milliseconds, rates in tokens a second. */
export const timingsSchema = z.object({
  cache_n: z.int().describe('Prompt tokens that came from the cache.'),
  prompt_n: z.int().describe('Prompt tokens that were computed.'),
  prompt_ms: z.number(),
  prompt_per_token_ms: z.number(),
  prompt_per_second: z.number(),
  predicted_n: z.int(),
  predicted_ms: z.number(),
  predicted_per_token_ms: z.number(),
  predicted_per_second: z.number(),
});

export type TimingsJson = Readonly<z.infer<typeof timingsSchema>>;

export interface Timed {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly prefillMs: number;
  readonly completionTokens: number;
  /** From the first token to the last. */
  readonly decodeMs: number;
}

/** The first token of an answer comes with the prompt, so it counts in no rate. What cannot be told is 0. */
export function timingsJson(timed: Timed): TimingsJson {
  const { promptTokens, cachedTokens, prefillMs, completionTokens, decodeMs } = timed;
  const computed = promptTokens - cachedTokens;
  const further = Math.max(0, completionTokens - 1);
  return {
    cache_n: cachedTokens,
    prompt_n: computed,
    prompt_ms: rounded(prefillMs),
    prompt_per_token_ms: ratio(prefillMs, computed),
    prompt_per_second: ratio(1000 * computed, prefillMs),
    predicted_n: completionTokens,
    predicted_ms: rounded(decodeMs),
    predicted_per_token_ms: ratio(decodeMs, further),
    predicted_per_second: ratio(1000 * further, decodeMs),
  };
}

/** The timings of several answers, which are made at the same time. `usage` is that of all of them. */
export function timingsOf(usage: TokenUsage, all: readonly GenerationTimings[]): TimingsJson {
  const longest = (key: 'prefillMs' | 'decodeMs'): number => Math.max(0, ...all.map((timings) => timings[key]));
  return timingsJson({ ...usage, prefillMs: longest('prefillMs'), decodeMs: longest('decodeMs') });
}

function ratio(value: number, divisor: number): number {
  return divisor > 0 ? rounded(value / divisor) : 0;
}

/** To microseconds. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
