/** Weight of the latest request in the mean. */
const WEIGHT = 0.1;
const MIN_WAIT_S = 1;
const MAX_WAIT_S = 600;

/** How long the backend takes for a request, from those that have ended. */
export class ServiceTimes {
  readonly #atATime: number;
  readonly #startsMs = new Set<{ readonly atMs: number }>();
  #meanMs: number | undefined;

  /** `atATime`: requests that the backend runs at the same time. */
  constructor(atATime: number) {
    this.#atATime = atATime;
  }

  /** A request has reached the backend. Call the result once it has ended. */
  begin(): () => void {
    const start = { atMs: performance.now() };
    this.#startsMs.add(start);
    return () => {
      this.#startsMs.delete(start);
      const ms = performance.now() - start.atMs;
      this.#meanMs = this.#meanMs === undefined ? ms : this.#meanMs + WEIGHT * (ms - this.#meanMs);
    };
  }

  /** Seconds in which the backend can be expected to end this many requests, at least 1. */
  secondsFor(requests: number): number {
    const seconds = Math.ceil((requests * this.#expectedMs()) / this.#atATime / 1000);
    return Math.min(MAX_WAIT_S, Math.max(MIN_WAIT_S, seconds));
  }

  /** Until the first request has ended, the age of the oldest one has to do. */
  #expectedMs(): number {
    if (this.#meanMs !== undefined) return this.#meanMs;
    const [oldest] = this.#startsMs;
    return oldest === undefined ? 0 : performance.now() - oldest.atMs;
  }
}
