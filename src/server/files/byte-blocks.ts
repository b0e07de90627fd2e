/** Bytes of a block: as many as are copied at a time when a file is read. */
const BLOCK_BYTES = 1024 * 1024;
/** Bytes of the first block. Later ones grow with what has come: a client may send little, slowly. */
const FIRST_BLOCK_BYTES = 16 * 1024;

/** Bytes that come in chunks of any size, in blocks of their own: a chunk may be a byte of a large buffer. */
export class ByteBlocks {
  readonly #full: Uint8Array<ArrayBuffer>[] = [];
  #block = new Uint8Array(0);
  #filled = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#filled === this.#block.length) this.#begin();
      const taken = chunk.subarray(at, at + this.#block.length - this.#filled);
      this.#block.set(taken, this.#filled);
      this.#filled += taken.length;
      this.#bytes += taken.length;
      at += taken.length;
    }
  }

  /** What has come; nothing more is to come. */
  end(): readonly Uint8Array<ArrayBuffer>[] {
    const last = this.#block.slice(0, this.#filled);
    this.#block = new Uint8Array(0);
    this.#filled = 0;
    return last.length === 0 ? this.#full : [...this.#full, last];
  }

  #begin(): void {
    if (this.#filled > 0) this.#full.push(this.#block);
    this.#block = new Uint8Array(Math.min(BLOCK_BYTES, Math.max(FIRST_BLOCK_BYTES, this.#bytes)));
    this.#filled = 0;
  }
}
