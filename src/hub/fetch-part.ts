import { VserveError } from '../errors/index.ts';
import type { HubAnswer, HubConnection } from './connection.ts';
import type { Extent } from './extents.ts';
import type { DownloadTuning } from './hub-settings.ts';
import { checksumOf } from './partial-file.ts';
import type { PartialFile } from './partial-file.ts';
import type { RemoteFile } from './remote-file.ts';
import { TransientFailure } from './retry.ts';

export interface PartRequest {
  readonly file: RemoteFile;
  readonly url: URL;
  readonly partial: PartialFile;
  readonly connection: HubConnection;
  readonly tuning: DownloadTuning;
  readonly signal: AbortSignal;
  /** Called when more of the file has arrived. */
  readonly onProgress: () => void;
}

/**
 * Fetches one extent of a file into place, with one request. What arrives before a failure is kept and recorded. A
 * server that ignores `Range` sends the file from its start: unwanted bytes are skipped, and with `takeAll` the rest of
 * the file is kept too. Throws `TransientFailure`, `hub_invalid_answer`, the system's error, the signal's reason.
 */
export async function fetchPart(
  wanted: Extent,
  request: PartRequest,
  { takeAll }: { takeAll: boolean },
): Promise<void> {
  const { file, url, connection, signal } = request;
  const answer = await connection.get(url, { range: `bytes=${wanted.start}-${wanted.end - 1}` }, signal);
  let part = wanted;
  let position = wanted.start;
  try {
    checkAnswer(answer, file);
    if (answer.status === 206) {
      checkContentRange(answer, wanted, file);
    } else {
      position = 0;
      if (takeAll) part = { start: wanted.start, end: file.bytes };
    }
  } catch (error) {
    answer.body.on('error', () => undefined).destroy();
    throw error;
  }
  await store(part, position, answer, request);
}

/** Writes the chunks of a response, which start at `position` of the file, as far as they are within `part`. */
async function store(part: Extent, position: number, answer: HubAnswer, request: PartRequest): Promise<void> {
  const { file, url, partial, connection, tuning, signal, onProgress } = request;
  let extentStart = part.start;
  let written = part.start;
  let checksum = 0;
  const record = async (): Promise<void> => {
    if (written === extentStart) return;
    await partial.record({ start: extentStart, end: written }, checksum);
    [extentStart, checksum] = [written, 0];
  };
  try {
    for await (const piece of connection.read(answer, url, signal)) {
      signal.throwIfAborted();
      const useful = piece.subarray(Math.max(part.start - position, 0), Math.max(part.end - position, 0));
      position += piece.length;
      if (useful.length > 0) {
        await partial.write(useful, written);
        checksum = checksumOf(useful, checksum);
        written += useful.length;
        if (written - extentStart >= tuning.extentBytes) await record();
        onProgress();
      }
      if (written === part.end) break;
    }
  } finally {
    await record();
  }
  if (written < part.end) {
    throw new TransientFailure(`${url.host} ended its response early: ${file.path} arrived up to byte ${position}.`);
  }
}

/** Compares a file's response with the Hub's listing, before gigabytes of something else arrive. */
function checkAnswer(answer: HubAnswer, { path, bytes, hash }: RemoteFile): void {
  const encoding = answer.header('content-encoding') ?? 'identity';
  if (encoding !== 'identity') {
    const message = `${path} arrives with the encoding ${encoding}, which was not requested. Check for a compressing proxy.`;
    throw new VserveError('hub_invalid_answer', message);
  }
  const etag = digestOf(answer.hubHeader('x-linked-etag') ?? answer.hubHeader('etag'), hash.digest.length);
  if (etag !== undefined && etag !== hash.digest) {
    throw new VserveError(
      'hub_invalid_answer',
      `The Hub lists ${path} with the hash ${hash.digest} but sends it with ${etag}. Try again later.`,
    );
  }
  const length = answer.header('content-length');
  if (answer.status === 200 && length !== undefined && Number(length) !== bytes) {
    throw new TransientFailure(`${path} should have ${bytes} bytes, but ${length} are sent.`);
  }
}

/** The hash in an ETag, weak (`W/"…"`) or strong; undefined if it is something else, as a CDN's may be. */
function digestOf(etag: string | undefined, length: number): string | undefined {
  const value = /^(?:W\/)?"?([0-9a-f]+)"?$/.exec(etag ?? '')?.[1];
  return value?.length === length ? value : undefined;
}

function checkContentRange(answer: HubAnswer, { start, end }: Extent, { path, bytes }: RemoteFile): void {
  const range = answer.header('content-range') ?? 'none';
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(range) ?? [];
  const isWanted = Number(first) === start && Number(last) < end && (total === '*' || Number(total) === bytes);
  if (isWanted) return;
  throw new TransientFailure(`Bytes ${start}-${end - 1} of ${bytes} of ${path} were requested, but ${range} arrived.`);
}
