import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Bitmap } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import type { DecodeReply, DecodeRequest } from './decode-messages.ts';
import type { MediaBudget } from './media-budget.ts';

// The compiler renames the extensions of imports, not of URLs.
const workerUrl = new URL(`./decode-worker${import.meta.url.slice(-3)}`, import.meta.url);

interface Waiting {
  readonly resolve: (bitmap: Bitmap) => void;
  readonly reject: (reason: unknown) => void;
}

export interface DecodeOptions {
  readonly budget: MediaBudget;
  readonly signal: AbortSignal;
}

/** Decodes pictures in a thread of its own, which starts with the first and keeps no process alive while it idles. */
export class DecodeThread {
  #worker: Worker | undefined;
  #lastId = 0;
  readonly #waiting = new Map<number, Waiting>();

  /**
   * Decodes a picture. `pieces` is its encoded data, cut anywhere; its memory is gone afterwards. Throws `undecodable`,
   * `decode_too_large`, or the signal's reason; the thread then finishes the picture for nothing.
   */
  async decode(pieces: readonly Uint8Array<ArrayBuffer>[], { budget, signal }: DecodeOptions): Promise<Bitmap> {
    signal.throwIfAborted();
    const worker = (this.#worker ??= this.#start());
    const id = ++this.#lastId;
    const { maxBytes, decodedBytesLeft } = budget;
    const request: DecodeRequest = { id, pieces, maxBytes, decodedBytesLeft };
    let onAbort: (() => void) | undefined;
    try {
      return await new Promise<Bitmap>((resolve, reject) => {
        onAbort = () => reject(signal.reason);
        signal.addEventListener('abort', onAbort, { once: true });
        this.#waiting.set(id, { resolve, reject });
        worker.ref();
        worker.postMessage(
          request,
          pieces.map(({ buffer }) => buffer),
        );
      });
    } finally {
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) worker.unref();
    }
  }

  /** Ends the thread. What is being decoded fails with `shutting_down`. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#failAll(new VserveError('shutting_down', 'The server is shutting down.'));
    const exited = once(worker, 'exit');
    worker.ref();
    worker.postMessage('close', []);
    await exited;
  }

  #start(): Worker {
    const worker = new Worker(workerUrl);
    worker.on('message', (reply: DecodeReply) => {
      const waiting = this.#waiting.get(reply.id);
      if ('bitmap' in reply) waiting?.resolve(reply.bitmap);
      else if ('failure' in reply) waiting?.reject(new VserveError(reply.failure.code, reply.failure.message));
      else waiting?.reject(new Error(`The decoding thread failed: ${reply.defect}`));
    });
    worker.on('error', (cause) => this.#failAll(new Error('The decoding thread failed.', { cause })));
    worker.on('exit', () => {
      this.#worker = undefined;
      this.#failAll(new Error('The decoding thread ended before it answered.'));
    });
    return worker;
  }

  #failAll(reason: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(reason);
  }
}
