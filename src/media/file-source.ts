import { constants } from 'node:fs';
import { lstat, open, readlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { systemErrorCode, VserveError } from '../errors/index.ts';
import { isInside, resolveInside, resolveLinks } from './contained-path.ts';
import type { Root } from './contained-path.ts';
import { exactSize } from '../formats/exact-size.ts';
import type { EncodedImage } from './image-source.ts';
import type { MediaBudget } from './media-budget.ts';
import { outOfDescriptors } from './out-of-descriptors.ts';

/** Bytes per read. */
const CHUNK_BYTES = 1024 * 1024;
/** Longest path, in characters, and longest URL: a character can be four bytes, each written as `%xx`. */
const MAX_PATH_LENGTH = 4096;
const MAX_URI_LENGTH = 12 * MAX_PATH_LENGTH;

const openFailures: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'this server may not read that file',
  EPERM: 'this server may not read that file',
  ENXIO: 'it names something that is not a regular file',
  EOPNOTSUPP: 'it names something that is not a regular file',
};

export interface FileSourceOptions {
  readonly allowedImageRoots: readonly string[];
  readonly maxLocalImageBytes: number;
  readonly budget: MediaBudget;
  readonly signal: AbortSignal;
}

/**
 * The bytes of a `file://` URL below one of the allowed roots. Anything outside the roots gets the same refusal whether it
 * exists or not. Throws `bad_file_uri`, `over_budget`, `at_capacity`, or the signal's reason.
 */
export async function readFileUri(uri: string, options: FileSourceOptions): Promise<EncodedImage> {
  const path = pathOf(uri);
  if (options.allowedImageRoots.length === 0) {
    throw badFileUri('this server reads no local files; MAX_SERVE_ALLOWED_IMAGE_ROOTS allows folders');
  }
  const roots = await Promise.all(options.allowedImageRoots.map(rootOf));
  const resolved = await resolveInside(path, roots);
  if (resolved === undefined) throw denied();
  // For the system, image.png/ is a folder.
  if (['', '.', '..'].includes(path.split(sep).at(-1) ?? '')) throw badFileUri('it names a folder');
  const file = await openInside(resolved);
  try {
    await requireRegularFile(file);
    await requireInside(file, resolved, roots);
    return { pieces: await readAtMost(file, options), encoding: 'bytes' };
  } finally {
    await file.close();
  }
}

async function rootOf(path: string): Promise<Root> {
  const named = resolve(path);
  return { named, resolved: await resolveLinks(named) };
}

/** The absolute path that a `file:` URL names. Throws `bad_file_uri`. */
function pathOf(uri: string): string {
  if (uri.length > MAX_URI_LENGTH) throw badFileUri(`its path is longer than ${MAX_PATH_LENGTH} characters`);
  const parts = /^file:\/\/([^/]*)(\/.*)$/is.exec(uri);
  if (parts === null) throw badFileUri('it should look like file:///folder/image.png');
  const [, host = '', encodedPath = ''] = parts;
  if (host !== '' && host.toLowerCase() !== 'localhost') {
    throw badFileUri('it names a host; it should look like file:///folder/image.png');
  }
  let path: string;
  try {
    path = decodeURIComponent(encodedPath);
  } catch {
    throw badFileUri('its percent-encoding is broken');
  }
  if (path.includes('\0')) throw badFileUri('its path has a NUL character');
  if (path.length > MAX_PATH_LENGTH) throw badFileUri(`its path is longer than ${MAX_PATH_LENGTH} characters`);
  if (/^[/\\]{2}/.test(path)) throw badFileUri('it names a network folder');
  if (process.platform !== 'win32') return path;
  // The URL of C:\images is file:///C:/images. Anything else could be a network folder or a device.
  if (!/^\/[a-z]:[/\\]/i.test(path)) throw badFileUri('it should look like file:///C:/folder/image.png');
  return path.slice(1).replaceAll('/', sep);
}

async function openInside(path: string): Promise<FileHandle> {
  try {
    // Without O_NONBLOCK, opening a FIFO waits for a writer.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    throw outOfDescriptors(error) ?? badFileUri(openFailures[systemErrorCode(error) ?? ''] ?? 'it cannot be opened');
  }
}

async function requireRegularFile(file: FileHandle): Promise<void> {
  const stats = await file.stat();
  if (stats.isDirectory()) throw badFileUri('it names a folder');
  if (!stats.isFile()) throw badFileUri('it names something that is not a regular file');
}

/**
 * A folder of the path may have become a link between check and open. Linux knows where an open file lies; elsewhere the
 * path must lead to the same file, without links before and after.
 */
async function requireInside(file: FileHandle, path: string, roots: readonly Root[]): Promise<void> {
  const openPath = await readlink(`/proc/self/fd/${file.fd}`).catch(() => undefined);
  if (openPath !== undefined) {
    if (!roots.some(({ resolved }) => isInside(openPath, resolved))) throw denied();
    return;
  }
  const opened = await file.stat();
  const resolvedBefore = await resolveLinks(path);
  const named = await lstat(path).catch(() => undefined);
  const isSame = named?.ino === opened.ino && named.dev === opened.dev;
  if (!isSame || resolvedBefore !== path || (await resolveLinks(path)) !== path) throw denied();
}

/** Reads to the end, and trusts no size known beforehand: a file can grow. */
async function readAtMost(file: FileHandle, options: FileSourceOptions): Promise<Uint8Array<ArrayBuffer>[]> {
  const { maxLocalImageBytes, budget, signal } = options;
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let total = 0; ;) {
    signal.throwIfAborted();
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, maxLocalImageBytes + 1 - total));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, null);
    if (bytesRead === 0) return pieces;
    total += bytesRead;
    if (total > maxLocalImageBytes) {
      const message = `The file is larger than ${exactSize(maxLocalImageBytes)}, the limit of this server (MAX_SERVE_MAX_LOCAL_IMAGE_BYTES).`;
      throw new VserveError('over_budget', message);
    }
    budget.spendEncoded(bytesRead);
    pieces.push(bytesRead === chunk.length ? chunk : chunk.slice(0, bytesRead));
  }
}

function denied(): VserveError {
  return badFileUri('its path is not in a folder that this server may read (MAX_SERVE_ALLOWED_IMAGE_ROOTS)');
}

function badFileUri(reason: string): VserveError {
  return new VserveError('bad_file_uri', `The file:// URL cannot be read: ${reason}.`);
}
