type View = abstract new (...given: never[]) => ArrayBufferView | ArrayBuffer;

/** Constructors that allocate a given length. */
const views = [
  'ArrayBuffer',
  'Uint8Array',
  'Uint16Array',
  'Uint32Array',
  'Int8Array',
  'Int16Array',
  'Int32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
] as const;
const bufferMakers = ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const;
/** An array element takes at least a pointer. */
const elementBytes = 8;

/**
 * Records how much memory is requested at once, by the length given to a buffer, a typed array or `Array.from`. Requests
 * are recorded before they are granted; none is refused. Growing lists show only in the process's memory.
 */
export class AllocationWatch {
  #largestBytes = 0;

  constructor() {
    for (const name of views) this.#watchView(name);
    for (const name of bufferMakers) {
      const make: (size: number, ...rest: never[]) => Buffer<ArrayBuffer> = Buffer[name].bind(Buffer);
      Buffer[name] = (size: number, ...rest: never[]): Buffer<ArrayBuffer> => {
        this.#note(size);
        return make(size, ...rest);
      };
    }
    const from = Array.from.bind(Array) as (...given: unknown[]) => unknown[];
    Array.from = (...given: unknown[]): never[] => {
      const { length } = given[0] as { length?: unknown };
      if (typeof length === 'number') this.#note(length * elementBytes);
      return from(...given) as never[];
    };
  }

  /** Maximum bytes requested at once since the last call. */
  take(): number {
    const bytes = this.#largestBytes;
    this.#largestBytes = 0;
    return bytes;
  }

  #note(bytes: number): void {
    this.#largestBytes = Math.max(this.#largestBytes, bytes);
  }

  #watchView(name: (typeof views)[number]): void {
    const View = globalThis[name] as unknown as View & { BYTES_PER_ELEMENT?: number };
    const watched = new Proxy(View, {
      construct: (target, given: unknown[], newTarget) => {
        const [length] = given;
        if (typeof length === 'number') this.#note(length * (View.BYTES_PER_ELEMENT ?? 1));
        return Reflect.construct(target, given, newTarget) as object;
      },
    });
    Object.defineProperty(globalThis, name, { value: watched });
  }
}
