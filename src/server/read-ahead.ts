export interface ReadAheadOptions<T> {
  readonly maxSize: number;
  readonly sizeOf: (value: T) => number;
}

/**
 * Takes from an iterator before it is asked to, up to `maxSize` in all of what `sizeOf` says: whoever makes the values is
 * done when they are made, not when the last of them is used. Leaving it ends the iterator.
 */
export async function* readAhead<T>(
  source: AsyncIterable<T>,
  options: ReadAheadOptions<T>,
): AsyncGenerator<T, void, undefined> {
  const values = new Values(options);
  const filled = values.fill(source);
  try {
    yield* values.drain();
  } finally {
    values.leave();
    await filled;
  }
}

/** The values between one who makes them and one who uses them. */
class Values<T> {
  readonly #options: ReadAheadOptions<T>;
  readonly #values: T[] = [];
  #size = 0;
  #end: { readonly error?: unknown } | undefined;
  #isLeft = false;
  /** Wakes the one of the two who waits: for a value, or for room. */
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
