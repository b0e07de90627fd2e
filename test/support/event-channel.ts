/** The event queue of one generation: the engine pushes, the iterator takes. */
export class EventChannel<T> {
  readonly #events: T[] = [];
  #failure: { readonly reason: unknown } | undefined;
  #wake: (() => void) | undefined;

  push(event: T): void {
    this.#events.push(event);
    this.#wake?.();
  }

  /** Makes the next `take()` throw, even if events are queued. */
  fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.#wake?.();
  }

  /** Waits for an event and returns all that are queued. */
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
