import { VserveError } from '../errors/index.ts';

/** A client that sends no byte of its body for this long is considered gone. */
const MAX_SILENCE_MS = 30_000;

/**
 * Detects bodies that arrive too slowly: `expired` rejects with `request_timeout` when the client is silent, or needs
 * more than `timeoutMs` in total. Time that the client spends waiting for the server does not count.
 */
export class BodyClock {
  readonly expired: Promise<never>;
  readonly #timeoutMs: number;
  #fail: (error: VserveError) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #usedMs = 0;
  #runsSinceMs: number | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.expired = new Promise<never>((_resolve, reject) => {
      this.#fail = reject;
    });
    // Avoids an unhandled rejection if the clock expires while nothing awaits it.
    this.expired.catch(() => undefined);
    this.run();
  }

  /** Starts waiting for the client, or restarts when something has arrived. */
  run(): void {
    this.stop();
    this.#runsSinceMs = performance.now();
    const leftMs = this.#timeoutMs - this.#usedMs;
    const isSilence = MAX_SILENCE_MS < leftMs;
    this.#timer = setTimeout(
      () => this.#fail(tooSlow(isSilence ? `nothing was received for ${MAX_SILENCE_MS / 1000} s` : this.#limit())),
      Math.max(0, Math.min(MAX_SILENCE_MS, leftMs)),
    );
  }

  /** Stops waiting for the client. */
  stop(): void {
    clearTimeout(this.#timer);
    if (this.#runsSinceMs !== undefined) this.#usedMs += performance.now() - this.#runsSinceMs;
    this.#runsSinceMs = undefined;
  }

  #limit(): string {
    return `it took longer than ${this.#timeoutMs / 1000} s, the limit of this server (--http-body-timeout-s, MAX_SERVE_HTTP_BODY_TIMEOUT_S)`;
  }
}

function tooSlow(reason: string): VserveError {
  return new VserveError('request_timeout', `The request body did not arrive in time: ${reason}.`);
}
