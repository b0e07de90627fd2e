import { availableParallelism } from 'node:os';
import type { Bitmap } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import type { DecodeLimits } from './decode-limits.ts';
import { DecodeThreads } from './decode-threads.ts';
import { encodedBytes, sampleOf } from './image-sample.ts';
import type { EncodedImage } from './image-source.ts';
import { Semaphore } from './semaphore.ts';

/** Up to this encoded size, an image does not wait for larger ones. */
const SMALL_BYTES = 1024 * 1024;
/** Of small and of large images each: libvips runs in Node's thread pool of four, beside file access and DNS. */
const MAX_AT_ONCE = Math.min(2, availableParallelism());

export interface DecodeOptions extends DecodeLimits {
  readonly signal: AbortSignal;
}

/** Takes a CPU from other work until the returned function is called. */
export type TakeCpu = () => () => void;

export interface DecoderSettings {
  /** Limit for decoding one image. */
  readonly timeoutMs: number;
  /** The program of the decoding threads; for tests. */
  readonly workerUrl?: URL | undefined;
  readonly takeCpu?: TakeCpu | undefined;
}

/** Decodes images in threads, which are replaced when they do not answer. */
export class Decoder {
  readonly #settings: DecoderSettings;
  readonly #small = new Semaphore(MAX_AT_ONCE);
  readonly #large = new Semaphore(MAX_AT_ONCE);
  readonly #threads: DecodeThreads;

  constructor(settings: DecoderSettings) {
    this.#settings = settings;
    this.#threads = new DecodeThreads(settings.workerUrl);
  }

  /**
   * Decodes an image; the memory of its pieces is gone afterwards. Waiting images are taken smallest first. Throws
   * `bad_data_uri`, `over_budget`, `undecodable`, `decode_too_large`, `at_capacity`, or the signal's reason, which also
   * ends the budget. An image keeps its place until its thread is done with it: clients that disconnect cannot pile up
   * work.
   */
  async decode(image: EncodedImage, { signal, ...limits }: DecodeOptions): Promise<Bitmap> {
    let onAbort: (() => void) | undefined;
    const aborted = new Promise<never>((_resolve, reject) => {
      onAbort = () => {
        limits.budget.end();
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
    });
    const bytes = encodedBytes(image);
    const places = bytes <= SMALL_BYTES ? this.#small : this.#large;
    try {
      return await Promise.race([places.run(signal, () => this.#decode(image, limits), bytes), aborted]);
    } finally {
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
    }
  }

  async #decode(image: EncodedImage, limits: DecodeLimits): Promise<Bitmap> {
    const { timeoutMs, takeCpu } = this.#settings;
    const { thread, end, replace } = this.#threads.take(sampleOf(image));
    const giveBack = takeCpu?.();
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        replace();
        limits.budget.end();
        reject(new VserveError('undecodable', `The image took longer than ${timeoutMs / 1000} s to decode.`));
      }, timeoutMs);
    });
    try {
      return await Promise.race([thread.decode(image, limits), tooLate]);
    } finally {
      clearTimeout(timer);
      end();
      giveBack?.();
    }
  }

  /** Ends the threads. Pending decodes fail with `shutting_down`. */
  async close(): Promise<void> {
    await this.#threads.close();
  }
}
