const initialBytes = 64 * 1024;

/** Appends little-endian numbers and strings to a buffer that grows as needed. */
export class ByteWriter {
  #buffer = Buffer.alloc(initialBytes);
  #length = 0;

  uint32(value: number): void {
    this.#length = this.#room(4).writeUInt32LE(value, this.#length);
  }

  int32(value: number): void {
    this.#length = this.#room(4).writeInt32LE(value, this.#length);
  }

  uint64(value: number): void {
    this.#length = this.#room(8).writeBigUInt64LE(BigInt(value), this.#length);
  }

  float32(value: number): void {
    this.#length = this.#room(4).writeFloatLE(value, this.#length);
  }

  uint8(value: number): void {
    this.#length = this.#room(1).writeUInt8(value, this.#length);
  }

  /** A GGUF string: its length in bytes as uint64, then UTF-8. */
  string(value: string): void {
    const byteLength = Buffer.byteLength(value);
    this.uint64(byteLength);
    this.#length += this.#room(byteLength).write(value, this.#length, byteLength);
  }

  /** Zeros up to the next multiple of `alignment`. */
  alignTo(alignment: number): void {
    const padding = (alignment - (this.#length % alignment)) % alignment;
    this.#room(padding);
    this.#length += padding;
  }

  get length(): number {
    return this.#length;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer.subarray(0, this.#length));
  }

  #room(bytes: number): Buffer {
    if (this.#length + bytes > this.#buffer.byteLength) {
      const larger = Buffer.alloc(Math.max(this.#buffer.byteLength * 2, this.#length + bytes));
      this.#buffer.copy(larger);
      this.#buffer = larger;
    }
    return this.#buffer;
  }
}
