/** A request's share of a pool. */
export interface MemoryShare {
  /** Maximum size. */
  readonly maxBytes: number;
  /** Whether a request waits because the pool is short of memory. */
  readonly isWanted: boolean;
  /** Waits until the share has grown to `bytes`. Throws the signal's reason. */
  grow(bytes: number, signal: AbortSignal): Promise<void>;
  /** Releases the whole share. Further calls do nothing. */
  release(): void;
}

interface Holder {
  readonly client: string;
  heldBytes: number;
  readonly maxBytes: number;
  /** The pending `grow`. */
  wait: { readonly bytes: number; readonly onGranted: () => void } | undefined;
}

/** One pass over the line, as far as it has come. */
interface Round {
  /** What the current holder could have once those before it are done. */
  reachableBytes: number;
  /** What it may take now without holding up those before it. */
  spareBytes: number;
  /** The clients of those before it. */
  readonly clients: Set<string>;
}

/**
 * Bytes that requests acquire gradually and release all at once, without deadlock: this is the banker's algorithm, with
 * the order of the line as its safe sequence. Bytes are granted only if every earlier request can still reach its
 * maximum once the requests before it have released their shares. Clients take turns: when one request of a client gets
 * its first bytes, those behind it that have none yet go to the end of the line.
 *
 * A client cannot lock out the others: its requests together hold no more than they leave free. Only its first one in
 * the line is exempt. Therefore the first of all, on which the safe sequence depends, always is.
 */
export class MemoryPool {
  readonly totalBytes: number;
  #freeBytes: number;
  #isShort = false;
  /** The line: those that hold or have asked for something. */
  readonly #holders = new Set<Holder>();
  /** Bytes held by each client that holds any. */
  readonly #heldBytesOf = new Map<string, number>();

  constructor(totalBytes: number) {
    this.totalBytes = totalBytes;
    this.#freeBytes = totalBytes;
  }

  get usedBytes(): number {
    return this.totalBytes - this.#freeBytes;
  }

  /** Opens an empty share that may grow to `maxBytes`, which must not exceed the pool. `client` is an address. */
  open(client: string, maxBytes: number): MemoryShare {
    const holder: Holder = { client, heldBytes: 0, maxBytes, wait: undefined };
    const isShort = (): boolean => this.#isShort;
    return {
      maxBytes,
      get isWanted() {
        return isShort();
      },
      grow: (bytes, signal) => this.#grow(holder, bytes, signal),
      release: () => {
        if (!this.#holders.delete(holder)) return;
        this.#take(holder, -holder.heldBytes);
        this.#grant();
      },
    };
  }

  async #grow(holder: Holder, bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#holders.add(holder);
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
    this.#isShort = false;
    const round: Round = { reachableBytes: this.#freeBytes, spareBytes: Infinity, clients: new Set() };
    const served = new Set<string>();
    const later: Holder[] = [];
    for (const holder of this.#holders) {
      const hadNone = holder.heldBytes === 0;
      if (hadNone && served.has(holder.client)) {
        later.push(holder);
        continue;
      }
      this.#visit(holder, round);
      if (hadNone && holder.heldBytes > 0) served.add(holder.client);
    }
    for (const holder of later) {
      // Moves it to the end.
      this.#holders.delete(holder);
      this.#holders.add(holder);
      this.#visit(holder, round);
    }
  }

  #visit(holder: Holder, round: Round): void {
    const { client, wait, maxBytes } = holder;
    const isFirst = !round.clients.has(client);
    round.clients.add(client);
    if (wait !== undefined && (isFirst || this.#mayHold(client, wait.bytes))) {
      if (wait.bytes <= round.spareBytes) {
        holder.wait = undefined;
        this.#take(holder, wait.bytes);
        round.reachableBytes -= wait.bytes;
        round.spareBytes -= wait.bytes;
        wait.onGranted();
      } else {
        this.#isShort = true;
      }
    }
    round.spareBytes = Math.min(round.spareBytes, round.reachableBytes - (maxBytes - holder.heldBytes));
    round.reachableBytes += holder.heldBytes;
  }

  /** Whether a client may hold so many more bytes. */
  #mayHold(client: string, bytes: number): boolean {
    return (this.#heldBytesOf.get(client) ?? 0) + bytes <= this.#freeBytes - bytes;
  }

  #take(holder: Holder, bytes: number): void {
    this.#freeBytes -= bytes;
    holder.heldBytes += bytes;
    const heldBytes = (this.#heldBytesOf.get(holder.client) ?? 0) + bytes;
    if (heldBytes > 0) this.#heldBytesOf.set(holder.client, heldBytes);
    else this.#heldBytesOf.delete(holder.client);
  }
}
