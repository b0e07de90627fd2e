const BLOCK_BYTES = 256 * 1024;

/** Collects chunks of any size, even single bytes, into blocks that own their memory. */
export class ByteBlocks {
  readonly #full: Uint8Array<ArrayBuffer>[] = [];
  #block = new Uint8Array(BLOCK_BYTES);
  #filled = 0;

  /** Copies a chunk. */
  add(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      const taken = chunk.subarray(at, at + BLOCK_BYTES - this.#filled);
      this.#block.set(taken, this.#filled);
      this.#filled += taken.length;
      at += taken.length;
      if (this.#filled < BLOCK_BYTES) continue;
      this.#full.push(this.#block);
      this.#block = new Uint8Array(BLOCK_BYTES);
      this.#filled = 0;
    }
  }

  /** All bytes so far. */
  get pieces(): Uint8Array<ArrayBuffer>[] {
    return this.#filled === 0 ? this.#full : [...this.#full, this.#block.slice(0, this.#filled)];
  }
}
