import { VserveError } from '../errors/index.ts';

/** A client that sends nothing of its body for so long is gone. */
const MAX_SILENCE_MS = 30_000;

/**
 * Watches that a body comes, and not too slowly: `expired` rejects with `request_timeout` when its client is silent, or
 * takes longer for all of it than `timeoutMs`. While the server makes the client wait, the clock stands still.
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
    // It may expire when nobody waits for it.
    this.expired.catch(() => undefined);
    this.run();
  }

  /** Waits for the client from now on. */
  run(): void {
    this.stop();
    this.#runsSinceMs = performance.now();
    const leftMs = this.#timeoutMs - this.#usedMs;
    const isSilence = MAX_SILENCE_MS < leftMs;
    this.#timer = setTimeout(
      () => this.#fail(tooSlow(isSilence ? `nothing came for ${MAX_SILENCE_MS / 1000} s` : this.#limit())),
      Math.max(0, Math.min(MAX_SILENCE_MS, leftMs)),
    );
  }

  /** Waits for the client no longer. */
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
  return new VserveError('request_timeout', `The body of the request did not arrive: ${reason}.`);
}
