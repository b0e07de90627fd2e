/** A request in flight. */
export interface ActiveRequest {
  /** Aborted when the client goes away, or when the server's patience at shutdown is at its end. */
  readonly signal: AbortSignal;
  /** To be called once, when nothing of the request runs any more. */
  end(): void;
}

/** Keeps count of the requests in flight, so that a shutdown can wait for them and then end them. */
export class Requests {
  readonly #controllers = new Set<AbortController>();
  #onIdle: (() => void) | undefined;

  begin(clientSignal: AbortSignal): ActiveRequest {
    const controller = new AbortController();
    this.#controllers.add(controller);
    return {
      signal: AbortSignal.any([clientSignal, controller.signal]),
      end: () => {
        this.#controllers.delete(controller);
        if (this.#controllers.size === 0) this.#onIdle?.();
      },
    };
  }

  /** Waits until no request is in flight; those that still are after `timeoutMs` are aborted with `reason`. */
  async drain(timeoutMs: number, reason: Error): Promise<void> {
    if (this.#controllers.size === 0) return;
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    const timer = setTimeout(() => {
      for (const controller of this.#controllers) controller.abort(reason);
    }, timeoutMs);
    await idle;
    clearTimeout(timer);
  }
}
