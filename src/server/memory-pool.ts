/** What of a pool one request has. */
export interface MemoryShare {
  /** The most that it may grow to. */
  readonly maxBytes: number;
  /** Waits until the share is `bytes`. Throws the signal's reason. */
  grow(bytes: number, signal: AbortSignal): Promise<void>;
  /** Gives all of it back. A second call does nothing. */
  release(): void;
}

interface Holder {
  heldBytes: number;
  readonly maxBytes: number;
  /** What it waits for. */
  wait: { readonly bytes: number; readonly onGranted: () => void } | undefined;
}

/**
 * A number of bytes that several requests take little by little, and give back all at once. Somebody can always go on (the
 * banker's algorithm, with the order of arrival as the one in which all could end): bytes go to a request only where each
 * one before it can still get all that it may ask for, once those before that one have given theirs back.
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

  /** A share of nothing yet, which may grow to `maxBytes`: no more than the pool has. */
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

  /** Gives bytes to all who wait for some and can have them. */
  #grant(): void {
    // What the holder at hand could have, once those before it are done.
    let reachableBytes = this.#freeBytes;
    // What it may take of that now, and leave enough to each of them.
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
