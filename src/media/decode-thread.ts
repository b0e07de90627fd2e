import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Bitmap } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import type { DecodeReply, DecodeRequest, PartsRequest } from './decode-messages.ts';
import type { DecodeLimits } from './decode-limits.ts';
import type { EncodedImage } from './image-source.ts';
import type { MediaPart } from './media-parts.ts';
import { outOfDescriptors } from './out-of-descriptors.ts';

// The compiler renames the extensions of imports, not of URLs.
const ownWorker = new URL(`./decode-worker${import.meta.url.slice(-3)}`, import.meta.url);

/** Grace period for a thread that did not answer in time. */
const RETIRE_MS = 60_000;
/** Grace period for a thread when the server closes. */
const CLOSE_MS = 5000;

type Result = Extract<DecodeReply, { bitmap: Bitmap } | { parts: readonly MediaPart[] }>;

interface Waiting {
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
  readonly onProgress: () => void;
}

/** A thread that decodes images, documents and videos. While idle, it does not keep the process alive. */
export class DecodeThread {
  readonly #worker: Worker;
  #lastId = 0;
  readonly #waiting = new Map<number, Waiting>();
  #hasEnded = false;

  constructor(workerUrl = ownWorker) {
    this.#worker = new Worker(workerUrl);
    this.#worker.on('message', (reply: DecodeReply) => this.#settle(reply));
    this.#worker.on('error', (cause) =>
      this.#failAll(outOfDescriptors(cause) ?? new Error('The decoding thread failed.', { cause })),
    );
    this.#worker.on('exit', () => {
      this.#hasEnded = true;
      this.#failAll(new Error('The decoding thread ended before it answered.'));
    });
    this.#worker.unref();
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /**
   * Decodes an image; the memory of its pieces moves to the thread. Settles when the thread has answered; ending the budget
   * makes it answer early. Throws what `Decoder.decode` throws, except for the signal's reason.
   */
  async decode(image: EncodedImage, limits: DecodeLimits): Promise<Bitmap> {
    const result = await this.#ask(image, limits);
    if ('bitmap' in result) return result.bitmap;
    throw new TypeError('The decoding thread did not answer with an image.');
  }

  /** Opens a document or a video in the same way. `onProgress` is called after each of its pages or frames. */
  async open(
    file: EncodedImage,
    parts: PartsRequest,
    limits: DecodeLimits,
    onProgress: () => void,
  ): Promise<readonly MediaPart[]> {
    const result = await this.#ask(file, limits, parts, onProgress);
    if ('parts' in result) return result.parts;
    throw new TypeError('The decoding thread did not answer with parts.');
  }

  async #ask(
    image: EncodedImage,
    { budget, maxPixels, sizeOnly = false, keepsFile = false }: DecodeLimits,
    parts?: PartsRequest,
    onProgress: () => void = () => undefined,
  ): Promise<Result> {
    const id = ++this.#lastId;
    const { maxBytes, bytesLeft } = budget;
    const request: DecodeRequest = { id, image, parts, maxPixels, sizeOnly, keepsFile, maxBytes, bytesLeft };
    try {
      return await new Promise<Result>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject, onProgress });
        this.#worker.ref();
        this.#worker.postMessage(
          request,
          image.pieces.map(({ buffer }) => buffer),
        );
      });
    } finally {
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#worker.unref();
    }
  }

  /** Lets the thread finish its pending work, then ends it, by force if it is stuck. Does not wait. */
  retire(): void {
    this.#worker.postMessage('close', []);
    // Termination leaks the memory of a running decode: ending late is better.
    const exited = new AbortController();
    this.#worker.once('exit', () => exited.abort());
    setTimeout(RETIRE_MS, undefined, { ref: false, signal: exited.signal }).then(
      () => this.#worker.terminate(),
      () => undefined,
    );
  }

  /** Ends the thread. Pending decodes fail with `shutting_down`. */
  async close(): Promise<void> {
    if (this.#hasEnded) return;
    this.#failAll(new VserveError('shutting_down', 'The server is shutting down.'));
    const exited = once(this.#worker, 'exit');
    this.#worker.postMessage('close', []);
    this.#worker.ref();
    await Promise.race([exited, setTimeout(CLOSE_MS, undefined, { ref: false })]);
    this.#worker.unref();
  }

  #settle(reply: DecodeReply): void {
    const waiting = this.#waiting.get(reply.id);
    if ('progress' in reply) waiting?.onProgress();
    else if ('bitmap' in reply || 'parts' in reply) waiting?.resolve(reply);
    else if ('failure' in reply) waiting?.reject(new VserveError(reply.failure.code, reply.failure.message));
    else waiting?.reject(new Error(`The decoding thread failed: ${reply.defect}`));
  }

  #failAll(reason: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(reason);
  }
}
