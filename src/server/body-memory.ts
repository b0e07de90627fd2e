import type { MemoryShare } from './memory-pool.ts';
import { MemoryPool } from './memory-pool.ts';

/** Bodies up to this size count as small: conversations without images, or with small ones. */
const SMALL_BYTES = 1024 * 1024;
/** Fraction of the memory reserved for small bodies, so that they never wait for large ones. */
const SMALL_PART = 1 / 8;
/**
 * The part of that for bodies of unknown length. They may turn out to be large and keep what they have while they wait
 * for more, which small bodies must not wait for.
 */
const UNKNOWN_PART = 1 / 2;
/** Even the smallest pool has room for this many small bodies. */
const SMALL_BODIES = 8;
/** Bodies request memory in steps of this size. */
const STEP_BYTES = 256 * 1024;

/** The memory held by one incoming body. */
export interface BodyShare {
  /** Bytes granted so far: `grow` is only needed beyond them. */
  readonly bytes: number;
  /** Whether another body waits because there is no memory left. */
  readonly isWanted: boolean;
  /** Waits until `bytes` are granted. Throws the signal's reason. */
  grow(bytes: number, signal: AbortSignal): Promise<void>;
  /** Releases the memory. Call it once nothing of the body is left. */
  release(): void;
}

/** The memory budget shared by the bodies of all requests. */
export class BodyMemory {
  readonly #small: MemoryPool;
  readonly #unknown: MemoryPool;
  readonly #large: MemoryPool;
  readonly #smallBytes: number;

  constructor(totalBytes: number) {
    const forSmall = Math.floor(totalBytes * SMALL_PART);
    const forUnknown = Math.floor(forSmall * UNKNOWN_PART);
    this.#small = new MemoryPool(forSmall - forUnknown);
    this.#unknown = new MemoryPool(forUnknown);
    this.#large = new MemoryPool(totalBytes - forSmall);
    this.#smallBytes = Math.min(SMALL_BYTES, Math.floor(forSmall / SMALL_BODIES));
  }

  /** Size of the largest body that can ever be accepted. */
  get maxBodyBytes(): number {
    return this.#large.totalBytes;
  }

  get usedBytes(): number {
    return this.#small.usedBytes + this.#unknown.usedBytes + this.#large.usedBytes;
  }

  /**
   * Opens a share for a client's body of `declaredBytes` (its Content-Length), or of at most `maxBytes` if its length
   * is unknown.
   */
  open(client: string, declaredBytes: number | undefined, maxBytes: number): BodyShare {
    const openLarge = (): MemoryShare => this.#large.open(client, declaredBytes ?? maxBytes);
    if (declaredBytes === undefined) return new Share(this.#unknown.open(client, this.#smallBytes), openLarge);
    return new Share(
      declaredBytes > this.#smallBytes ? openLarge() : this.#small.open(client, declaredBytes),
      openLarge,
    );
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

  get isWanted(): boolean {
    return this.#share.isWanted;
  }

  async grow(bytes: number, signal: AbortSignal): Promise<void> {
    if (bytes <= this.bytes) return;
    const small = this.#share;
    // A body of unknown length has turned out to be large.
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
