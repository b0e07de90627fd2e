import { availableParallelism } from 'node:os';
import type { Bitmap } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import type { DecodeLimits } from './decode-limits.ts';
import type { PartsRequest } from './decode-messages.ts';
import type { DecodeThread } from './decode-thread.ts';
import { DecodeThreads } from './decode-threads.ts';
import { encodedBytes, sampleOf } from './image-sample.ts';
import type { EncodedImage } from './image-source.ts';
import type { MediaBudget } from './media-budget.ts';
import type { MediaPart } from './media-parts.ts';
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

/** What is decoded. */
interface Task {
  readonly file: EncodedImage;
  readonly noun: string;
  readonly budget: MediaBudget;
  readonly signal: AbortSignal;
}

/** Decodes in a thread. Progress gives it more time. */
type Work<T> = (thread: DecodeThread, onProgress: () => void) => Promise<T>;

/** Decodes images, documents and videos in threads, which are replaced when they do not answer. */
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
    const places = encodedBytes(image) <= SMALL_BYTES ? this.#small : this.#large;
    const work: Work<Bitmap> = (thread) => thread.decode(image, limits);
    return this.#inPlace(places, { file: image, noun: 'image', budget: limits.budget, signal }, work);
  }

  /**
   * Opens a document or a video in the same way, among the large images, whatever its size. It may take the time limit for
   * each of its pages or frames. Throws also what `decodeDocument` and `decodeVideo` throw.
   */
  async open(
    file: EncodedImage,
    parts: PartsRequest,
    { signal, ...limits }: DecodeOptions,
  ): Promise<readonly MediaPart[]> {
    const work: Work<readonly MediaPart[]> = (thread, onProgress) => thread.open(file, parts, limits, onProgress);
    return this.#inPlace(this.#large, { file, noun: parts.asked.kind, budget: limits.budget, signal }, work);
  }

  async #inPlace<T>(places: Semaphore, task: Task, work: Work<T>): Promise<T> {
    const { file, budget, signal } = task;
    let onAbort: (() => void) | undefined;
    const aborted = new Promise<never>((_resolve, reject) => {
      onAbort = () => {
        budget.end();
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      return await Promise.race([places.run(signal, () => this.#inThread(task, work), encodedBytes(file)), aborted]);
    } finally {
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
    }
  }

  async #inThread<T>({ file, noun, budget }: Task, work: Work<T>): Promise<T> {
    const { timeoutMs, takeCpu } = this.#settings;
    const { thread, end, replace } = this.#threads.take(sampleOf(file));
    const giveBack = takeCpu?.();
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        replace();
        budget.end();
        reject(new VserveError('undecodable', `The ${noun} took longer than ${timeoutMs / 1000} s to decode.`));
      }, timeoutMs);
    });
    try {
      return await Promise.race([work(thread, () => timer?.refresh()), tooLate]);
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
