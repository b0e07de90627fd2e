import type { MemoryShare } from './memory-pool.ts';
import { MemoryPool } from './memory-pool.ts';

/** A body of at most so many bytes is small: a conversation without images, or with small ones. */
const SMALL_BYTES = 1024 * 1024;
/** The part of the memory that is for small bodies alone, so that they need not wait for large ones. */
const SMALL_PART = 1 / 8;
/** In a small pool, too, several small bodies have room. */
const SMALL_BODIES = 8;
/** A body asks for more memory in pieces of this size. */
const STEP_BYTES = 256 * 1024;

/** The memory of a body that comes. */
export interface BodyShare {
  /** What it has: as long as no more has come, `grow` need not be called. */
  readonly bytes: number;
  /** Waits until there is memory for `bytes`. Throws the signal's reason. */
  grow(bytes: number, signal: AbortSignal): Promise<void>;
  /** To be called when nothing of the body is left. */
  release(): void;
}

/** The memory for the bodies of all requests together. */
export class BodyMemory {
  readonly #small: MemoryPool;
  readonly #large: MemoryPool;
  readonly #smallBytes: number;

  constructor(totalBytes: number) {
    const forSmall = Math.floor(totalBytes * SMALL_PART);
    this.#small = new MemoryPool(forSmall);
    this.#large = new MemoryPool(totalBytes - forSmall);
    this.#smallBytes = Math.min(SMALL_BYTES, Math.ceil(forSmall / SMALL_BODIES));
  }

  /** The largest body that there can ever be room for. */
  get maxBodyBytes(): number {
    return this.#large.totalBytes;
  }

  get usedBytes(): number {
    return this.#small.usedBytes + this.#large.usedBytes;
  }

  /** Memory for a body of `declaredBytes`, its Content-Length; for one without, of at most `maxBytes`. */
  open(declaredBytes: number | undefined, maxBytes: number): BodyShare {
    const openLarge = (): MemoryShare => this.#large.open(declaredBytes ?? maxBytes);
    const isLarge = declaredBytes !== undefined && declaredBytes > this.#smallBytes;
    return new Share(isLarge ? openLarge() : this.#small.open(declaredBytes ?? this.#smallBytes), openLarge);
  }
}

class Share implements BodyShare {
  bytes = 0;
  #share: MemoryShare;
  readonly #openLarge: () => MemoryShare;

  constructor(share: MemoryShare, openLarge: () => MemoryShare) {
    this.#share = share;
    this.#openLarge = openLarge;
  }

  async grow(bytes: number, signal: AbortSignal): Promise<void> {
    if (bytes <= this.bytes) return;
    const small = this.#share;
    // A body whose length nobody told turns out to be a large one.
    if (bytes > small.maxBytes) this.#share = this.#openLarge();
    const wanted = Math.min(this.#share.maxBytes, Math.max(bytes, this.bytes + STEP_BYTES));
    try {
      await this.#share.grow(wanted, signal);
    } finally {
      if (small !== this.#share) small.release();
    }
    this.bytes = wanted;
  }

  release(): void {
    this.#share.release();
  }
}
