/** llama-server's timings of a response. */
export interface TimingsJson {
  /** Prompt tokens that came from the cache. */
  readonly cache_n: number;
  /** Prompt tokens that were computed. */
  readonly prompt_n: number;
  readonly prompt_ms: number;
  readonly prompt_per_token_ms: number;
  readonly prompt_per_second: number;
  readonly predicted_n: number;
  readonly predicted_ms: number;
  readonly predicted_per_token_ms: number;
  readonly predicted_per_second: number;
}

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

function ratio(value: number, divisor: number): number {
  return divisor > 0 ? rounded(value / divisor) : 0;
}

/** To microseconds. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
