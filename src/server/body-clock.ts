import { VserveError } from '../errors/index.ts';

/** A client that sends no byte of its body for this long is considered gone. */
const MAX_SILENCE_MS = 30_000;
/** The same while others wait for the memory of the body. */
const MAX_WANTED_SILENCE_MS = 5000;
const CHECK_MS = 1000;

/**
 * Detects bodies that arrive too slowly: `expired` rejects with `request_timeout` when the client is silent, or needs
 * more than `timeoutMs` in total. Time that the client spends waiting for the server does not count.
 */
export class BodyClock {
  readonly expired: Promise<never>;
  readonly #timeoutMs: number;
  readonly #isWanted: () => boolean;
  #fail: (error: VserveError) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #usedMs = 0;
  #runsSinceMs: number | undefined;

  /** `isWanted` tells whether others wait for the memory of the body. */
  constructor(timeoutMs: number, isWanted: () => boolean) {
    this.#timeoutMs = timeoutMs;
    this.#isWanted = isWanted;
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
    this.#checkAfter(0);
  }

  /** Stops waiting for the client. */
  stop(): void {
    clearTimeout(this.#timer);
    if (this.#runsSinceMs !== undefined) this.#usedMs += performance.now() - this.#runsSinceMs;
    this.#runsSinceMs = undefined;
  }

  /** Checks the limits now and then. Nothing has been received for `silentMs`. */
  #checkAfter(silentMs: number): void {
    const leftMs = Math.max(0, this.#timeoutMs - this.#usedMs - silentMs);
    this.#timer = setTimeout(() => this.#check(), Math.min(CHECK_MS, leftMs));
  }

  #check(): void {
    const silentMs = performance.now() - (this.#runsSinceMs ?? 0);
    const reason = this.#excess(silentMs);
    if (reason === undefined) this.#checkAfter(silentMs);
    else this.#fail(tooSlow(reason));
  }

  /** Which limit is exceeded after a silence, if any. */
  #excess(silentMs: number): string | undefined {
    if (silentMs >= MAX_SILENCE_MS) return `nothing was received for ${MAX_SILENCE_MS / 1000} s`;
    if (silentMs >= MAX_WANTED_SILENCE_MS && this.#isWanted()) {
      return `nothing was received for ${MAX_WANTED_SILENCE_MS / 1000} s while other requests waited for memory`;
    }
    if (this.#usedMs + silentMs < this.#timeoutMs) return undefined;
    return `it took longer than ${this.#timeoutMs / 1000} s, the limit of this server (--http-body-timeout-s, MAX_SERVE_HTTP_BODY_TIMEOUT_S)`;
  }
}

function tooSlow(reason: string): VserveError {
  return new VserveError('request_timeout', `The request body did not arrive in time: ${reason}.`);
}
