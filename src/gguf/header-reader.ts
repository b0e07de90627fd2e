export type GgufScalar = string | number | boolean;

/** Thrown at the end of bytes that hold less than a whole header. */
export class EndsTooEarly extends Error {}

/** Reads through bytes. Throws `EndsTooEarly` at their end. */
export class HeaderReader {
  position = 0;
  /** What is being read, for messages. */
  item = 'its beginning';
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  skip(bytes: number): number {
    const start = this.position;
    if (bytes > this.#bytes.byteLength - start) {
      throw new EndsTooEarly(`${this.item} takes ${bytes} bytes from byte ${start} of the file on`);
    }
    this.position += bytes;
    return start;
  }

  uint32(): number {
    return this.#view.getUint32(this.skip(4), true);
  }

  /** A uint64 count, never too large for a double. */
  count(): number {
    return Number(this.#view.getBigUint64(this.skip(8), true));
  }

  skipString(): number {
    return this.skip(this.count());
  }

  string(): string {
    const length = this.count();
    const start = this.skip(length);
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, length).toString('utf8');
  }

  scalar(type: number, bytes: number): GgufScalar {
    const at = this.skip(bytes);
    const view = this.#view;
    if (type === 6) return view.getFloat32(at, true);
    if (type === 7) return view.getUint8(at) !== 0;
    if (type === 12) return view.getFloat64(at, true);
    if (bytes === 8) return Number(type === 11 ? view.getBigInt64(at, true) : view.getBigUint64(at, true));
    if (bytes === 4) return type === 5 ? view.getInt32(at, true) : view.getUint32(at, true);
    if (bytes === 2) return type === 3 ? view.getInt16(at, true) : view.getUint16(at, true);
    return type === 1 ? view.getInt8(at) : view.getUint8(at);
  }
}
