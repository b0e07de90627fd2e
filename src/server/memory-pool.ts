/** A request's share of a pool. */
export interface MemoryShare {
  /** Maximum size. */
  readonly maxBytes: number;
  /** Waits until the share has grown to `bytes`. Throws the signal's reason. */
  grow(bytes: number, signal: AbortSignal): Promise<void>;
  /** Releases the whole share. Further calls do nothing. */
  release(): void;
}

interface Holder {
  heldBytes: number;
  readonly maxBytes: number;
  /** The pending `grow`. */
  wait: { readonly bytes: number; readonly onGranted: () => void } | undefined;
}

/**
 * Bytes that requests acquire gradually and release all at once, without deadlock: this is the banker's algorithm, with
 * the order of arrival as its safe sequence. Bytes are granted only if every earlier request can still reach its
 * maximum once the requests before it have released their shares.
 */
export class MemoryPool {
  readonly totalBytes: number;
  #freeBytes: number;
  /** In order of arrival. */
  readonly #holders = new Set<Holder>();

  constructor(totalBytes: number) {
    this.totalBytes = totalBytes;
    this.#freeBytes = totalBytes;
  }

  get usedBytes(): number {
    return this.totalBytes - this.#freeBytes;
  }

  /** Opens an empty share that may grow to `maxBytes`, which must not exceed the pool. */
  open(maxBytes: number): MemoryShare {
    const holder: Holder = { heldBytes: 0, maxBytes, wait: undefined };
    this.#holders.add(holder);
    return {
      maxBytes,
      grow: (bytes, signal) => this.#grow(holder, bytes, signal),
      release: () => {
        if (!this.#holders.delete(holder)) return;
        this.#freeBytes += holder.heldBytes;
        this.#grant();
      },
    };
  }

  async #grow(holder: Holder, bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        holder.wait = undefined;
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const onGranted = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      holder.wait = { bytes: bytes - holder.heldBytes, onGranted };
      this.#grant();
    });
  }

  /** Grants every pending `grow` that is possible now. */
  #grant(): void {
    // What the current holder could have once those before it are done.
    let reachableBytes = this.#freeBytes;
    // What it may take now without holding up those before it.
    let spareBytes = Infinity;
    for (const holder of this.#holders) {
      const { wait } = holder;
      if (wait !== undefined && wait.bytes <= spareBytes) {
        holder.wait = undefined;
        holder.heldBytes += wait.bytes;
        this.#freeBytes -= wait.bytes;
        reachableBytes -= wait.bytes;
        spareBytes -= wait.bytes;
        wait.onGranted();
      }
      spareBytes = Math.min(spareBytes, reachableBytes - (holder.maxBytes - holder.heldBytes));
      reachableBytes += holder.heldBytes;
    }
  }
}
