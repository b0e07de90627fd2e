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

  /** The next event, once there is one. */
  async take(): Promise<T> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.reason;
      const event = this.#events.shift();
      if (event !== undefined) return event;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
