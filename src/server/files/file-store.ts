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
    while (this.#entries.size > 0 && (this.#entries.size >= maxFiles || this.#usedBytes + bytes > maxBytes)) {
      this.remove(this.#leastWanted(owner, bytes));
    }
  }

  #leastWanted(newOwner: string, newBytes: number): StoredFile {
    const { maxFiles, maxBytes } = this.#limits;
    const shares = new Map<string, number>();
    const add = (owner: string, bytes: number): void => {
      // A share of the places, or of the bytes, whichever counts for more.
      shares.set(owner, (shares.get(owner) ?? 0) + Math.max(1 / maxFiles, bytes / maxBytes));
    };
    add(newOwner, newBytes);
    for (const { file } of this.#entries.values()) add(file.owner, file.bytes);
    const rank = ({ file }: Entry): number => shares.get(file.owner) ?? 0;
    const [first, ...others] = this.#entries.values();
    if (first === undefined) throw new TypeError('There are no files.');
    return others.reduce((worst, entry) => {
      const more = rank(entry) - rank(worst);
      return more > 0 || (more === 0 && entry.usedAt < worst.usedAt) ? entry : worst;
    }, first).file;
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
