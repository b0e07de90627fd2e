import { createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { VserveError } from '../errors/index.ts';
import type { CacheFolder } from './cache-folder.ts';
import type { HubConnection } from './connection.ts';
import { downloadFile } from './download-file.ts';
import type { DownloadRequest } from './download-request.ts';
import type { HashThread } from './hash-thread.ts';
import type { DownloadTuning } from './hub-settings.ts';
import { bytesLeft, removePartial } from './partial-file.ts';
import type { RemoteFile } from './remote-file.ts';
import { TransientFailure, withRetries } from './retry.ts';

/** Concurrent file downloads; their parts share the connections. */
const FILES_AT_ONCE = 3;

export interface ContentsOptions {
  readonly request: DownloadRequest;
  readonly commit: string;
  /** False if only what is on the disk can be used. */
  readonly isOnline: boolean;
  /** The destination of downloads. */
  readonly own: CacheFolder;
  /** Hugging Face's own cache, read only. */
  readonly shared: CacheFolder;
  readonly connection: HubConnection;
  readonly thread: HashThread;
  readonly tuning: DownloadTuning;
}

/** The contents of a repository's files: found on the disk, else fetched. */
export class Contents {
  readonly #options: ContentsOptions;
  readonly #limit: ReturnType<typeof pLimit>;
  readonly #failure = new AbortController();
  readonly #signal: AbortSignal;
  /** The path of each content by its hash, so that two files with the same content are fetched once. */
  readonly #places = new Map<string, Promise<string>>();

  constructor(options: ContentsOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.request.signal, this.#failure.signal]);
    this.#limit = pLimit(options.tuning.connections);
  }

  /** How many bytes of a file need not be fetched, judged without reading them. */
  async bytesHere(file: RemoteFile): Promise<number> {
    const { request, own } = this.#options;
    if (this.#places.has(file.hash.digest)) return file.bytes;
    if (request.forceDownload) return 0;
    const isHere = (await this.#ownPlace(file)) ?? (await this.#sharedPlace(file));
    return isHere === undefined ? bytesLeft(own.blob(file), file.bytes) : file.bytes;
  }

  /** The path of a file's content, fetched if it is not on the disk. */
  fetch(file: RemoteFile): Promise<string> {
    const { digest } = file.hash;
    const place = this.#places.get(digest) ?? this.#find(file).then((found) => found ?? this.#download(file));
    this.#places.set(digest, place);
    return place;
  }

  /** The paths of the contents of many files. The first failure stops all, and is thrown once all have stopped. */
  async fetchAll(files: readonly RemoteFile[]): Promise<Map<RemoteFile, string>> {
    const limit = pLimit(FILES_AT_ONCE);
    const places = new Map<RemoteFile, string>();
    const fetches = files
      .toSorted((a, b) => a.bytes - b.bytes)
      .map((file) =>
        limit(async () => {
          this.#signal.throwIfAborted();
          places.set(file, await this.fetch(file));
        }).catch((error: unknown) => this.#failure.abort(error)),
      );
    await Promise.all(fetches);
    this.#signal.throwIfAborted();
    return places;
  }

  /** The text of a small file, fetched to the disk if it is not there. */
  async fetchText(file: RemoteFile): Promise<string> {
    return readFile(await this.fetch(file), 'utf8');
  }

  /** The same without writing anything. */
  async readText(file: RemoteFile): Promise<string> {
    return (await this.readBytes(file)).toString('utf8');
  }

  /** A small file as a whole, its hash verified. Nothing is written. */
  async readBytes(file: RemoteFile): Promise<Buffer> {
    const place = await this.#find(file);
    if (place !== undefined) return readFile(place);
    const content = await this.#fetchStart(file, file.bytes);
    const { algorithm, digest } = file.hash;
    const hash = algorithm === 'git' ? createHash('sha1').update(`blob ${file.bytes}\0`) : createHash('sha256');
    if (hash.update(content).digest('hex') === digest) return content;
    throw new VserveError('download_corrupt', `The content of ${file.path} does not match its hash. Try again.`);
  }

  /** The first bytes of a file, from the disk or by a ranged request; no hash verifies them. */
  async readStart(file: RemoteFile, most: number): Promise<Buffer> {
    const bytes = Math.min(most, file.bytes);
    const place = (await this.#ownPlace(file)) ?? (await this.#sharedPlace(file));
    if (place === undefined) return this.#fetchStart(file, bytes);
    const handle = await open(place, 'r');
    try {
      const { buffer } = await handle.read(Buffer.alloc(bytes), 0, bytes, 0);
      return buffer;
    } finally {
      await handle.close();
    }
  }

  async #find(file: RemoteFile): Promise<string | undefined> {
    const { request, thread } = this.#options;
    if (request.forceDownload) return undefined;
    const own = await this.#ownPlace(file);
    if (own !== undefined) return own;
    const shared = await this.#sharedPlace(file);
    if (shared === undefined) return undefined;
    request.onEvent({ type: 'check', path: file.path, bytes: file.bytes });
    const { algorithm, digest } = file.hash;
    if ((await thread.digest(shared, { bytes: file.bytes, algorithm })) === digest) {
      request.onEvent({ type: 'done', path: file.path, bytes: file.bytes });
      return shared;
    }
    const message = `The content of ${shared} does not match the hash it is named by: it is left alone, and ${file.path} is fetched.`;
    request.onEvent({ type: 'warning', message });
    return undefined;
  }

  async #ownPlace(file: RemoteFile): Promise<string | undefined> {
    const { own, commit } = this.#options;
    if (await own.hasBlob(file)) return own.blob(file);
    return (await own.hasFile(commit, file)) ? own.contentPath(commit, file) : undefined;
  }

  async #sharedPlace(file: RemoteFile): Promise<string | undefined> {
    const { shared, commit } = this.#options;
    if (await shared.hasBlob(file)) return shared.blob(file);
    return (await shared.hasFile(commit, file)) ? join(shared.snapshot(commit), file.path) : undefined;
  }

  async #download(file: RemoteFile): Promise<string> {
    const { request, commit, own, connection, thread, tuning } = this.#options;
    this.#requireOnline(file);
    const target = own.blob(file);
    await own.makeBlobs();
    if (request.forceDownload) await removePartial(target);
    await downloadFile({
      file,
      url: connection.fileUrl(commit, file.path),
      target,
      connection,
      thread,
      tuning,
      limit: this.#limit,
      signal: this.#signal,
      onProgress: (bytesDone) => this.#report(file, bytesDone),
      onRetry: (reason) => request.onEvent({ type: 'retry', reason }),
    });
    request.onEvent({ type: 'done', path: file.path, bytes: file.bytes });
    return target;
  }

  async #fetchStart(file: RemoteFile, wanted: number): Promise<Buffer> {
    const { request, commit, connection, tuning } = this.#options;
    const { onEvent } = request;
    const signal = this.#signal;
    this.#requireOnline(file);
    const url = connection.fileUrl(commit, file.path);
    const headers = wanted < file.bytes ? { range: `bytes=0-${wanted - 1}` } : {};
    const attempt = async (): Promise<Buffer> => {
      const answer = await connection.get(url, headers, signal);
      const pieces: Uint8Array[] = [];
      let bytes = 0;
      // A server without range support sends the whole file.
      for await (const piece of connection.read(answer, url, signal)) {
        bytes += piece.length;
        pieces.push(piece);
        if (bytes > wanted) break;
      }
      if (bytes >= wanted) return Buffer.concat(pieces).subarray(0, wanted);
      throw new TransientFailure(`${url.host} ended its response early: ${file.path} arrived up to byte ${bytes}.`);
    };
    return withRetries(attempt, { tuning, signal, onRetry: (reason) => onEvent({ type: 'retry', reason }) });
  }

  #requireOnline({ path }: RemoteFile): void {
    const { request, isOnline } = this.#options;
    if (isOnline) return;
    throw new VserveError(
      'model_unavailable',
      `${path} of ${request.repository} is not on this machine, and the Hub is unreachable or disabled (HF_HUB_OFFLINE). Try again online.`,
      { param: 'model' },
    );
  }

  #report({ path, bytes }: RemoteFile, bytesDone: number): void {
    this.#options.request.onEvent({ type: 'progress', path, bytes, bytesDone });
  }
}
