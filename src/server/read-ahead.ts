export interface ReadAheadOptions<T> {
  readonly maxSize: number;
  readonly sizeOf: (value: T) => number;
  /** Called with each value as the iterator gives it. */
  readonly onValue?: (value: T) => void;
  /** Called when the iterator has ended, or could not be had. */
  readonly onEnd?: () => void;
}

/**
 * Consumes the iterator that `open` gives ahead of its reader, up to a total of `maxSize` as measured by `sizeOf`, so that
 * the producer can finish before the last value is read. Returning early ends the iterator.
 */
export async function* readAhead<T>(
  open: () => AsyncIterable<T> | Promise<AsyncIterable<T>>,
  options: ReadAheadOptions<T>,
): AsyncGenerator<T, void, undefined> {
  const buffer = new ReadAheadBuffer(options);
  const filled = buffer.fill(open);
  try {
    // Every value of every answer comes through here: no `yield*`, which takes several promises for each.
    for (;;) {
      const value = buffer.shift();
      if (value !== undefined) yield value;
      else if (buffer.hasEnded()) return;
      else await buffer.change();
    }
  } finally {
    buffer.leave();
    await filled;
  }
}

/** The buffer between producer and reader. */
class ReadAheadBuffer<T> {
  readonly #options: ReadAheadOptions<T>;
  readonly #values: T[] = [];
  #size = 0;
  #end: { readonly error?: unknown } | undefined;
  #isLeft = false;
  /** Wakes whichever side is waiting: the reader for a value, or the producer for room. */
  #wake: (() => void) | undefined;

  constructor(options: ReadAheadOptions<T>) {
    this.#options = options;
  }

  async fill(open: () => AsyncIterable<T> | Promise<AsyncIterable<T>>): Promise<void> {
    try {
      await this.#consume(open);
      this.#end = {};
    } catch (error) {
      this.#end = { error };
    }
    this.#wake?.();
  }

  async #consume(open: () => AsyncIterable<T> | Promise<AsyncIterable<T>>): Promise<void> {
    try {
      for await (const value of await open()) {
        this.#options.onValue?.(value);
        this.#values.push(value);
        this.#size += this.#options.sizeOf(value);
        this.#wake?.();
        while (this.#isFull) await this.change();
        if (this.#isLeft) break;
      }
    } finally {
      this.#options.onEnd?.();
    }
  }

  /** The next value, if it is there. */
  shift(): T | undefined {
    const value = this.#values.shift();
    if (value === undefined) return undefined;
    this.#size -= this.#options.sizeOf(value);
    if (!this.#isFull) this.#wake?.();
    return value;
  }

  /** Whether there will be no more values. Throws what the iterator threw. */
  hasEnded(): boolean {
    if (this.#end !== undefined && 'error' in this.#end) throw this.#end.error;
    return this.#end !== undefined;
  }

  leave(): void {
    this.#isLeft = true;
    this.#wake?.();
  }

  get #isFull(): boolean {
    return this.#size > this.#options.maxSize && !this.#isLeft;
  }

  /** Waits for a value, the end, or room. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
