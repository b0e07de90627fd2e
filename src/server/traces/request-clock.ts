/** The time of day by `performance.now()`, with which it is compared once for each request: the two drift apart. */
export class RequestClock {
  /** When the request began, by `performance.now()`. */
  readonly beganAtMs = performance.now();
  readonly #offsetMs = Date.now() - this.beganAtMs;

  /** The time of day, in milliseconds, of a time by `performance.now()`. */
  timeOf(ms: number): number {
    return this.#offsetMs + ms;
  }
}
