import { randomUUID } from 'node:crypto';
import type { UploadedFile } from '../../api/index.ts';
import type { ListedFile } from '../../api/files/index.ts';
import { fileKindOf } from '../../media/index.ts';
import type { UploadForm } from './upload-reader.ts';

const MAX_TIMER_MS = 2 ** 31 - 1;

export interface FileStoreLimits {
  readonly maxFiles: number;
  readonly maxBytes: number;
}

/** A file that is kept. */
export interface StoredFile extends UploadedFile, ListedFile {
  readonly owner: string;
}

interface Entry {
  readonly file: StoredFile;
  /** Counts on with each use of a file. */
  usedAt: number;
}

/** What an owner has. */
interface Holding {
  share: number;
  /** The least recently used is the last. */
  readonly files: Entry[];
}

/** What a new file has besides its bytes. */
export interface NewFile extends Omit<UploadForm, 'fields'>, Pick<ListedFile, 'purpose'> {
  readonly owner: string;
  readonly lifetimeS: number | undefined;
}

/**
 * Files in memory, each for its owner alone, until it expires. A new one takes the place of others where there is no room:
 * of the owner with the largest share, that which was not used for the longest time.
 */
export class FileStore {
  readonly #limits: FileStoreLimits;
  readonly #nowMs: () => number;
  /** By id, in the order in which they came. */
  readonly #entries = new Map<string, Entry>();
  #usedBytes = 0;
  #uses = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: FileStoreLimits, nowMs: () => number = Date.now) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** Of a file that can be kept. */
  get maxBytes(): number {
    return this.#limits.maxFiles === 0 ? 0 : this.#limits.maxBytes;
  }

  get count(): number {
    return this.#entries.size;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Keeps a file of at most `maxBytes`. */
  add({ lifetimeS, pieces, ...given }: NewFile): StoredFile {
    this.#dropExpired();
    this.#makeRoom(given.owner, given.bytes);
    const createdAtS = Math.floor(this.#nowMs() / 1000);
    const file: StoredFile = {
      ...given,
      id: `file-${randomUUID().replaceAll('-', '')}`,
      kind: fileKindOf(pieces[0] ?? new Uint8Array()),
      stored: pieces,
      createdAtS,
      expiresAtS: lifetimeS === undefined ? undefined : createdAtS + lifetimeS,
    };
    this.#entries.set(file.id, { file, usedAt: this.#uses++ });
    this.#usedBytes += file.bytes;
    this.#awaitExpiry();
    return file;
  }

  /** The file of this id, if this owner has it. */
  find(id: string, owner: string): StoredFile | undefined {
    this.#dropExpired();
    const entry = this.#entries.get(id);
    if (entry?.file.owner !== owner) return undefined;
    entry.usedAt = this.#uses++;
    return entry.file;
  }

  /** The files of an owner, in the order in which they came. */
  list(owner: string): StoredFile[] {
    this.#dropExpired();
    return [...this.#entries.values()].map(({ file }) => file).filter((file) => file.owner === owner);
  }

  remove({ id, bytes }: StoredFile): void {
    if (this.#entries.delete(id)) this.#usedBytes -= bytes;
  }

  #makeRoom(owner: string, bytes: number): void {
    const { maxFiles, maxBytes } = this.#limits;
    const isOver = (): boolean => this.#entries.size >= maxFiles || this.#usedBytes + bytes > maxBytes;
    if (!isOver()) return;
    const holdings = this.#holdingsWith(owner, bytes);
    while (isOver()) {
      const most = largestOf(holdings.filter(({ files }) => files.length > 0));
      const file = most?.files.pop()?.file;
      if (most === undefined || file === undefined) return;
      most.share -= this.#partOf(file.bytes);
      this.remove(file);
    }
  }

  /** What each owner has, a new file included. */
  #holdingsWith(newOwner: string, newBytes: number): Holding[] {
    const holdings = new Map<string, Holding>([[newOwner, { share: this.#partOf(newBytes), files: [] }]]);
    for (const entry of [...this.#entries.values()].toSorted((one, other) => other.usedAt - one.usedAt)) {
      const { owner, bytes } = entry.file;
      const holding = holdings.get(owner) ?? { share: 0, files: [] };
      holding.share += this.#partOf(bytes);
      holding.files.push(entry);
      holdings.set(owner, holding);
    }
    return [...holdings.values()];
  }

  /** A share of the places, or of the bytes, whichever counts for more. */
  #partOf(bytes: number): number {
    const { maxFiles, maxBytes } = this.#limits;
    return Math.max(1 / maxFiles, bytes / maxBytes);
  }

  #dropExpired(): void {
    const nowMs = this.#nowMs();
    for (const { file } of this.#entries.values()) {
      if (file.expiresAtS !== undefined && file.expiresAtS * 1000 <= nowMs) this.remove(file);
    }
  }

  /** Gives the memory of expired files back although nobody asks for them. */
  #awaitExpiry(): void {
    clearTimeout(this.#timer);
    const ends = [...this.#entries.values()].flatMap(({ file }) => file.expiresAtS ?? []);
    if (ends.length === 0) return;
    const waitMs = Math.min(...ends) * 1000 - this.#nowMs();
    const onEnd = (): void => {
      this.#dropExpired();
      this.#awaitExpiry();
    };
    this.#timer = setTimeout(onEnd, Math.min(Math.max(waitMs, 1), MAX_TIMER_MS)).unref();
  }
}

/** The largest holding; of several, that whose next file was not used for the longest time. */
function largestOf(holdings: readonly Holding[]): Holding | undefined {
  const usedAt = ({ files }: Holding): number => files.at(-1)?.usedAt ?? Infinity;
  let largest: Holding | undefined;
  for (const holding of holdings) {
    const more = holding.share - (largest?.share ?? -Infinity);
    if (more > 0 || (more === 0 && largest !== undefined && usedAt(holding) < usedAt(largest))) largest = holding;
  }
  return largest;
}
