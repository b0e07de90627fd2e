export interface ReadAheadOptions<T> {
  readonly maxSize: number;
  readonly sizeOf: (value: T) => number;
}

/**
 * Consumes an iterator ahead of its reader, up to a total of `maxSize` as measured by `sizeOf`, so that the producer
 * can finish before the last value is read. Returning early ends the iterator.
 */
export async function* readAhead<T>(
  source: AsyncIterable<T>,
  options: ReadAheadOptions<T>,
): AsyncGenerator<T, void, undefined> {
  const buffer = new ReadAheadBuffer(options);
  const filled = buffer.fill(source);
  try {
    yield* buffer.drain();
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

  async fill(source: AsyncIterable<T>): Promise<void> {
    try {
      for await (const value of source) {
        this.#values.push(value);
        this.#size += this.#options.sizeOf(value);
        this.#wake?.();
        while (this.#isFull) await this.#change();
        if (this.#isLeft) break;
      }
      this.#end = {};
    } catch (error) {
      this.#end = { error };
    }
    this.#wake?.();
  }

  async *drain(): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const value = this.#values.shift();
      if (value !== undefined) {
        this.#size -= this.#options.sizeOf(value);
        if (!this.#isFull) this.#wake?.();
        yield value;
      } else if (this.#end === undefined) {
        await this.#change();
      } else {
        if ('error' in this.#end) throw this.#end.error;
        return;
      }
    }
  }

  leave(): void {
    this.#isLeft = true;
    this.#wake?.();
  }

  get #isFull(): boolean {
    return this.#size > this.#options.maxSize && !this.#isLeft;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
