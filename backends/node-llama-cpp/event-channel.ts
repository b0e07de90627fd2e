/** A queue of one generation's events between the engine, which pushes, and its iterator, which takes. */
export class EventChannel<T> {
  readonly #events: T[] = [];
  #failure: { readonly reason: unknown } | undefined;
  #wake: (() => void) | undefined;

  push(event: T): void {
    this.#events.push(event);
    this.#wake?.();
  }

  /** Makes the next `take()` throw, whatever is still queued. */
  fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.#wake?.();
  }

  /** All events that are queued, once there is one. */
  async take(): Promise<readonly T[]> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.reason;
      if (this.#events.length > 0) return this.#events.splice(0);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
