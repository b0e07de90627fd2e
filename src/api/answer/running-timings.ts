import type { GenerationEvent } from '../../backend/index.ts';
import type { TimingsJson } from './timings.ts';
import { timingsJson } from './timings.ts';

/** The timings of a stream so far, as llama-server's `timings_per_token` tells them. */
export class RunningTimings {
  readonly #areAsked: boolean;
  #promptTokens = 0;
  #cachedTokens = 0;
  #prefillMs = 0;
  #completionTokens = 0;
  #firstAtMs: number | undefined;

  constructor(areAsked: boolean) {
    this.#areAsked = areAsked;
  }

  take(event: GenerationEvent): void {
    if (!this.#areAsked) return;
    switch (event.type) {
      case 'start':
        this.#promptTokens += event.promptTokens;
        break;
      case 'prefilled':
        this.#cachedTokens += event.cachedTokens;
        this.#prefillMs = Math.max(this.#prefillMs, event.prefillMs);
        break;
      case 'text-delta':
      case 'reasoning-delta':
      case 'tool-call-delta':
        this.#firstAtMs ??= performance.now();
        this.#completionTokens += event.tokens;
        break;
      case 'finish':
      case 'progress':
        break;
    }
  }

  /** The field of a piece: there is none before the first token, or where they are not asked for. */
  get fields(): { readonly timings?: TimingsJson } {
    if (this.#firstAtMs === undefined) return {};
    const timings = timingsJson({
      promptTokens: this.#promptTokens,
      cachedTokens: this.#cachedTokens,
      prefillMs: this.#prefillMs,
      completionTokens: this.#completionTokens,
      decodeMs: performance.now() - this.#firstAtMs,
    });
    return { timings };
  }
}
