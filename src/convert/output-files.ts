import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, statfs } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { VserveError } from '../errors/index.ts';
import type { FilePlan, OutputFile } from './plan/plan-conversion.ts';
import { writeError } from './write-error.ts';

/** A file that is being written, under a temporary name beside the place where it will stand. */
interface UnfinishedFile {
  readonly handle: FileHandle;
  readonly temporaryPath: string;
  readonly path: string;
}

/** The files of one conversion: all of them appear in the destination, complete, or none does. */
export class OutputFiles {
  readonly #directory: string;
  readonly #files = new Map<OutputFile, UnfinishedFile>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Creates the files in `directory`, which is created too, at their full length and with their headers written.
   * Throws `disk_full`, `invalid_setting`.
   */
  static async create(directory: string, plans: readonly FilePlan[]): Promise<OutputFiles> {
    const files = new OutputFiles(directory);
    try {
      await mkdir(directory, { recursive: true });
      await checkRoom(directory, plans);
      for (const { file, header, byteLength } of plans) {
        const temporaryPath = join(directory, `.${file}.${randomUUID()}.partial`);
        const handle = await open(temporaryPath, 'wx');
        files.#files.set(file, { handle, temporaryPath, path: join(directory, file) });
        await handle.truncate(byteLength);
        await handle.write(header, 0, header.byteLength, 0);
      }
      return files;
    } catch (error) {
      await files.discard();
      throw writeError(error, directory);
    }
  }

  /** The open file's descriptor. It stays valid until `publish` or `discard`. */
  descriptor(file: OutputFile): number {
    const unfinished = this.#files.get(file);
    if (unfinished === undefined) throw new RangeError(`${file} is not being written`);
    return unfinished.handle.fd;
  }

  /** Where the file will stand, or undefined when it is not part of this conversion. */
  path(file: OutputFile): string | undefined {
    return this.#files.get(file)?.path;
  }

  /** Brings the files to the disk and gives them their names. Throws `disk_full`, `invalid_setting`. */
  async publish(): Promise<void> {
    const published: string[] = [];
    try {
      for (const { handle } of this.#files.values()) {
        await handle.sync();
        await handle.close();
      }
      for (const { temporaryPath, path } of this.#files.values()) {
        await rename(temporaryPath, path);
        published.push(path);
      }
      await syncDirectory(this.#directory);
    } catch (error) {
      await Promise.all(published.map((path) => rm(path, { force: true })));
      throw writeError(error, this.#directory);
    }
  }

  /** Closes and removes what was not published. Call it when nothing writes to the descriptors any more. */
  async discard(): Promise<void> {
    for (const { handle, temporaryPath } of this.#files.values()) {
      await handle.close().catch(() => undefined); // closed already, if publishing failed
      await rm(temporaryPath, { force: true });
    }
  }
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6).toLocaleString('en')} MB`;

async function checkRoom(directory: string, plans: readonly FilePlan[]): Promise<void> {
  const needed = plans.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const { bavail, bsize } = await statfs(directory);
  if (needed <= bavail * bsize) return;
  const message = `The converted model needs ${megabytes(needed)}, but ${directory} has only ${megabytes(bavail * bsize)} free. Free some space and try again.`;
  throw new VserveError('disk_full', message);
}

/** Makes the renames last through a power failure. Windows cannot open a directory. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
