interface Waiting {
  readonly order: number;
  readonly take: () => void;
}

/** Limits concurrent work; the rest waits in order. */
export class Semaphore {
  #free: number;
  /** Sorted by order; the first goes next. */
  readonly #waiting: Waiting[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  /**
   * Runs `work` once there is a place: lowest `order` first, first come first served among equals. Throws what `work`
   * throws, or the signal's reason while waiting.
   */
  async run<T>(signal: AbortSignal, work: () => Promise<T>, order = 0): Promise<T> {
    await this.#enter(signal, order);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(signal: AbortSignal, order: number): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason as Error);
      };
      const take = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const waiting = { order, take };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.splice(this.#placeOf(order), 0, waiting);
    });
  }

  /** Behind all with the same or a lower order. */
  #placeOf(order: number): number {
    let low = 0;
    let high = this.#waiting.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#waiting[middle]?.order ?? 0) <= order) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #leave(): void {
    const next = this.#waiting.shift();
    // The place is handed over.
    if (next === undefined) this.#free += 1;
    else next.take();
  }
}
