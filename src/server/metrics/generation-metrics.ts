import { Counter, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import type { GenerationEvent } from '../../backend/index.ts';
import { TIME_BUCKETS_MS } from './time-buckets.ts';

const TOKEN_BUCKETS_MS = [1, 2, 5, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1000, 2000, 5000];

/** The metrics of generations: times as their clients see them, and tokens. */
export class GenerationMetrics {
  readonly inputTime: Histogram;
  readonly queueTime: Histogram;
  readonly encodeTime: Histogram;
  readonly firstTokenTime: Histogram;
  readonly gap: Histogram;
  readonly tokenTime: Histogram;
  readonly inputTokens: Counter;
  readonly outputTokens: Counter;
  readonly reasoningTokens: Counter;
  readonly cachedTokens: Counter;
  readonly missedTokens: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    const time = (name: string, help: string, buckets = TIME_BUCKETS_MS): Histogram =>
      new Histogram({ name, help, buckets, registers });
    const count = (name: string, help: string): Counter => new Counter({ name, help, registers });
    this.inputTime = time(
      'maxserve_input_processing_time_milliseconds',
      'Time to read a request, fetch and decode its images, and make its prompt, without waiting for its turn',
    );
    this.queueTime = time('vserve_queue_time_milliseconds', 'Time that a request waited for its turn and a place');
    this.encodeTime = time(
      'vserve_image_encode_time_milliseconds',
      'Time that images of a request spent in the vision encoder, for requests with images whose encoded form was not cached',
    );
    this.firstTokenTime = time('maxserve_time_to_first_token_milliseconds', 'Time from a request to its first token');
    this.gap = time('maxserve_itl_milliseconds', 'Time between the pieces of an answer', TOKEN_BUCKETS_MS);
    this.tokenTime = time(
      'maxserve_time_per_output_token_milliseconds',
      'Time per token of an answer, after the first',
      TOKEN_BUCKETS_MS,
    );
    this.inputTokens = count('maxserve_num_input_tokens_total', 'Prompt tokens of answered requests');
    this.outputTokens = count('maxserve_num_output_tokens_total', 'Tokens of answers');
    this.reasoningTokens = count('vserve_reasoning_tokens_total', 'Those of them that are reasoning');
    this.cachedTokens = count('maxserve_cache_hits_tokens_total', 'Prompt tokens that came from the cache');
    this.missedTokens = count('maxserve_cache_misses_tokens_total', 'Prompt tokens that did not');
  }

  /** An observer of one request, received at `receivedAtMs` by `performance.now()`. */
  observe(receivedAtMs: number): GenerationObserver {
    return new GenerationObserver(this, receivedAtMs);
  }
}

/** Measures one generation by its events, which it sees as they come. */
export class GenerationObserver {
  readonly #metrics: GenerationMetrics;
  readonly #receivedAtMs: number;
  #waitedMs = 0;
  #lastAtMs = 0;
  #hasCountedPrompt = false;

  constructor(metrics: GenerationMetrics, receivedAtMs: number) {
    this.#metrics = metrics;
    this.#receivedAtMs = receivedAtMs;
  }

  /** The request has waited for its turn. */
  onWaited(ms: number): void {
    this.#waitedMs += ms;
  }

  onEvent(event: GenerationEvent): void {
    switch (event.type) {
      case 'start':
        this.#metrics.inputTime.observe(performance.now() - this.#receivedAtMs - this.#waitedMs);
        break;
      case 'finish':
        this.#finish(event);
        break;
      case 'progress':
      case 'prefilled':
        break;
      case 'text-delta':
      case 'reasoning-delta':
      case 'tool-call-delta':
        this.#delta();
        break;
    }
  }

  #delta(): void {
    const nowMs = performance.now();
    if (this.#lastAtMs === 0) this.#metrics.firstTokenTime.observe(nowMs - this.#receivedAtMs);
    else this.#metrics.gap.observe(nowMs - this.#lastAtMs);
    this.#lastAtMs = nowMs;
  }

  #finish({ usage, timings }: Extract<GenerationEvent, { readonly type: 'finish' }>): void {
    const metrics = this.#metrics;
    metrics.outputTokens.inc(usage.completionTokens);
    metrics.reasoningTokens.inc(usage.reasoningTokens ?? 0);
    if (usage.completionTokens > 1) metrics.tokenTime.observe(timings.decodeMs / (usage.completionTokens - 1));
    // All answers of a request have one prompt.
    if (this.#hasCountedPrompt) return;
    this.#hasCountedPrompt = true;
    metrics.queueTime.observe(this.#waitedMs + timings.queueMs);
    const { encodeMs = 0 } = timings;
    if (encodeMs > 0) metrics.encodeTime.observe(encodeMs);
    metrics.inputTokens.inc(usage.promptTokens);
    metrics.cachedTokens.inc(usage.cachedTokens);
    metrics.missedTokens.inc(usage.promptTokens - usage.cachedTokens);
  }
}
