import { open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { systemErrorCode } from '../errors/index.ts';
import { bytesIn, gaps, union } from './extents.ts';
import type { Extent } from './extents.ts';
import type { HashThread } from './hash-thread.ts';

const lineSchema = z.object({
  start: z.int().min(0),
  end: z.int().min(1),
  crc32: z.int().min(0),
});
type Line = z.infer<typeof lineSchema>;

/**
 * A download in progress: `<path>.incomplete`, with holes, and `<path>.journal`, with a line of JSON for each extent
 * written, including its checksum. After a kill at any moment, the lines whose extents still match their checksums tell
 * what need not be fetched again.
 */
export class PartialFile {
  readonly path: string;
  readonly bytes: number;
  readonly #target: string;
  readonly #file: FileHandle;
  readonly #journal: FileHandle;
  #extents: readonly Extent[];
  #unrecordedBytes = 0;

  private constructor(
    target: string,
    bytes: number,
    file: FileHandle,
    journal: FileHandle,
    extents: readonly Extent[],
  ) {
    this.#target = target;
    this.path = incompletePath(target);
    this.bytes = bytes;
    this.#file = file;
    this.#journal = journal;
    this.#extents = extents;
  }

  /** Opens what an earlier process left of `target`, if anything. Throws the system's error. */
  static async open(target: string, bytes: number, thread: HashThread): Promise<PartialFile> {
    const path = incompletePath(target);
    const lines = await intactLines(path, await readJournal(target), bytes, thread);
    const file = await open(path, lines.length > 0 ? 'r+' : 'w+');
    try {
      await writeJournal(target, lines);
      const journal = await open(journalPath(target), 'a');
      return new PartialFile(target, bytes, file, journal, lines.reduce<Extent[]>(union, []));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Bytes present, including those written and not yet recorded. */
  get bytesDone(): number {
    return Math.min(bytesIn(this.#extents) + this.#unrecordedBytes, this.bytes);
  }

  /** The end of the gapless part at the start. */
  get prefixEnd(): number {
    const [first] = this.#extents;
    return first?.start === 0 ? first.end : 0;
  }

  /** What is missing, of the whole or of a part. */
  missing(part: Extent = { start: 0, end: this.bytes }): Extent[] {
    return gaps(this.#extents, part);
  }

  /** Writes all of `data` at a position. It counts after `record`. */
  async write(data: Uint8Array, position: number): Promise<void> {
    for (let written = 0; written < data.length;) {
      const { bytesWritten } = await this.#file.write(data, written, data.length - written, position + written);
      written += bytesWritten;
      this.#unrecordedBytes += bytesWritten;
    }
  }

  /** Records that an extent was written; `checksum` is its CRC-32. */
  async record(extent: Extent, checksum: number): Promise<void> {
    await this.#journal.appendFile(lineOf({ ...extent, crc32: checksum }));
    this.#extents = union(this.#extents, extent);
    this.#unrecordedBytes -= extent.end - extent.start;
  }

  /** Marks a part as missing again. Its lines in the journal are void once other bytes are written there. */
  forget(part: Extent): void {
    const sides = [
      { start: 0, end: part.start },
      { start: part.end, end: this.bytes },
    ];
    // The gaps between the gaps of a side are what is present of it.
    this.#extents = sides.flatMap((side) => gaps(gaps(this.#extents, side), side));
  }

  /** Marks as missing what has changed on the disk since it was written; returns whether anything is missing. */
  async forgetDamaged(thread: HashThread): Promise<boolean> {
    const lines = await readJournal(this.#target);
    const intact = await intactLines(this.path, lines, this.bytes, thread);
    this.#extents = intact.reduce<Extent[]>(union, []);
    return this.missing().length > 0;
  }

  /** Flushes the finished file, moves it into place, and removes the journal. */
  async publish(): Promise<void> {
    await this.#file.sync();
    await this.close();
    await rename(this.path, this.#target);
    await rm(journalPath(this.#target), { force: true });
  }

  /** Removes all of it. */
  async discard(): Promise<void> {
    await this.close();
    await removePartial(this.#target);
  }

  /** Closes the files, if still open; what was recorded stays for the next time. */
  async close(): Promise<void> {
    await Promise.all([this.#file.close(), this.#journal.close()]);
  }
}

/** The CRC-32 of consecutive chunks. */
export function checksumOf(piece: Uint8Array, before = 0): number {
  return crc32(piece, before);
}

/** The bytes that an earlier process left of a file according to its journal, unverified. */
export async function bytesLeft(target: string, bytes: number): Promise<number> {
  const lines = await readJournal(target);
  return bytesIn(lines.filter(({ end }) => end <= bytes).reduce<Extent[]>(union, []));
}

/** Removes what an earlier process left of a file. */
export async function removePartial(target: string): Promise<void> {
  await rm(journalPath(target), { force: true });
  await rm(incompletePath(target), { force: true });
}

function incompletePath(target: string): string {
  return `${target}.incomplete`;
}

function journalPath(target: string): string {
  return `${target}.journal`;
}

function lineOf(line: Line): string {
  return `${JSON.stringify(line)}\n`;
}

/** The lines of the journal. A kill may have torn the last one. */
async function readJournal(target: string): Promise<Line[]> {
  const text = await readFile(journalPath(target), 'utf8').catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return '';
    throw error;
  });
  return text.split('\n').flatMap((line) => {
    try {
      return [lineSchema.parse(JSON.parse(line))];
    } catch {
      return [];
    }
  });
}

/** The lines whose extents are unchanged on the disk. */
async function intactLines(path: string, lines: readonly Line[], bytes: number, thread: HashThread): Promise<Line[]> {
  const intact: Line[] = [];
  for (const line of lines) {
    if (line.end <= line.start || line.end > bytes) continue;
    const checksum = await thread.crc32(path, line).catch(() => undefined);
    if (checksum === line.crc32) intact.push(line);
  }
  return intact;
}

/** Replaces the journal with one rename, so that a kill leaves either the old one or the new one. */
async function writeJournal(target: string, lines: readonly Line[]): Promise<void> {
  const path = `${journalPath(target)}.new`;
  await writeFile(path, lines.map(lineOf).join(''));
  await rename(path, journalPath(target));
}
