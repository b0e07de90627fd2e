import type { LimitFunction } from 'p-limit';
import { VserveError } from '../errors/index.ts';
import type { HubConnection } from './connection.ts';
import { cut } from './extents.ts';
import type { Extent } from './extents.ts';
import { fetchPart } from './fetch-part.ts';
import type { HashThread } from './hash-thread.ts';
import type { DownloadTuning } from './hub-settings.ts';
import { PartialFile } from './partial-file.ts';
import type { RemoteFile } from './remote-file.ts';
import { withRetries } from './retry.ts';

export interface FileDownload {
  readonly file: RemoteFile;
  readonly url: URL;
  /** The path of the finished file. */
  readonly target: string;
  readonly connection: HubConnection;
  readonly thread: HashThread;
  readonly tuning: DownloadTuning;
  /** Shared by all files: limits concurrent requests. */
  readonly limit: LimitFunction;
  readonly signal: AbortSignal;
  /** Called with the bytes present so far, of `file.bytes`. */
  readonly onProgress: (bytesDone: number) => void;
  readonly onRetry: (reason: string) => void;
}

/**
 * Downloads a file in parts, several at a time, and moves it into place once its hash matches. It resumes what an
 * earlier process left, and keeps what it has after any failure. Throws `download_corrupt`, `hub_unreachable`, what
 * `fetchPart` throws.
 */
export async function downloadFile(download: FileDownload): Promise<void> {
  const { file, target, thread, onProgress } = download;
  const partial = await PartialFile.open(target, file.bytes, thread);
  try {
    onProgress(partial.bytesDone);
    if ((await fetchMissing(partial, download)) || (await repair(partial, download))) {
      await partial.publish();
      return;
    }
    await partial.discard();
  } finally {
    await partial.close();
  }
  throw new VserveError(
    'download_corrupt',
    `${file.path} does not match the hash the Hub lists for it, although every part was fetched twice. It was removed; try again later.`,
  );
}

/** Fetches what is missing while a thread hashes what is present; returns whether the hash matches. */
async function fetchMissing(partial: PartialFile, download: FileDownload): Promise<boolean> {
  const { file, thread, tuning, onProgress } = download;
  const hash = thread.begin(partial.path, { bytes: file.bytes, algorithm: file.hash.algorithm });
  hash.advance(partial.prefixEnd);
  let hashedEnd = partial.prefixEnd;
  const onPart = (): void => {
    onProgress(partial.bytesDone);
    if (partial.prefixEnd === hashedEnd) return;
    hashedEnd = partial.prefixEnd;
    hash.advance(hashedEnd);
  };
  const [first, ...others] = cut(partial.missing(), tuning.partBytes);
  try {
    // One request shows whether the server supports ranges: without them it sends the whole file.
    if (first !== undefined) await fetchAgain(first, partial, download, onPart, true);
    await allOf(others, (part, signal) => fetchAgain(part, partial, { ...download, signal }, onPart, false), download);
  } catch (error) {
    void hash.finish().catch(() => undefined);
    throw error;
  }
  hash.advance(file.bytes);
  return (await hash.finish()) === file.hash.digest;
}

/**
 * Finds the bytes that break the hash. The Hub lists no hashes of parts, so: first what changed on the disk since it
 * was written, then every part once more, until one comes back different and the hash matches.
 */
async function repair(partial: PartialFile, download: FileDownload): Promise<boolean> {
  const { file, thread, tuning, onRetry } = download;
  const { algorithm, digest } = file.hash;
  if (await partial.forgetDamaged(thread)) {
    onRetry(`${file.path} was damaged on the disk: fetching the damaged parts again.`);
    if (await fetchMissing(partial, download)) return true;
  }
  onRetry(`${file.path} has a wrong hash: fetching its parts again, one by one.`);
  for (const part of cut([{ start: 0, end: file.bytes }], tuning.partBytes)) {
    const before = await thread.crc32(partial.path, part);
    partial.forget(part);
    await fetchAgain(part, partial, download, () => download.onProgress(partial.bytesDone), false);
    const hasChanged = (await thread.crc32(partial.path, part)) !== before;
    if (hasChanged && (await thread.digest(partial.path, { bytes: file.bytes, algorithm })) === digest) return true;
  }
  return false;
}

/** Fetches what is missing of a part, however many requests that takes. */
async function fetchAgain(
  part: Extent,
  partial: PartialFile,
  { file, url, connection, tuning, limit, signal, onRetry }: FileDownload,
  onProgress: () => void,
  takeAll: boolean,
): Promise<void> {
  let bytesBefore = -1;
  const attempt = async (): Promise<void> => {
    bytesBefore = partial.bytesDone;
    for (const gap of partial.missing(part)) {
      const request = { file, url, partial, connection, tuning, signal, onProgress };
      await limit(() => fetchPart(gap, request, { takeAll }));
    }
  };
  const hasProgressed = (): boolean => partial.bytesDone > bytesBefore;
  await withRetries(attempt, { tuning, signal, onRetry, hasProgressed });
}

/** Processes all parts; the first failure stops the others, and is thrown once they have stopped. */
async function allOf(
  parts: readonly Extent[],
  work: (part: Extent, signal: AbortSignal) => Promise<void>,
  { signal }: FileDownload,
): Promise<void> {
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  const works = parts.map(async (part) => {
    try {
      await work(part, either);
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(works);
  signal.throwIfAborted();
  failure.signal.throwIfAborted();
}
