import type { Bitmap } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import { DecodeThread } from './decode-thread.ts';
import type { EncodedImage } from './image-source.ts';
import type { MediaBudget } from './media-budget.ts';
import { Semaphore } from './semaphore.ts';

/** Half of the threads that Node shares among all decoding, files and DNS. */
const MAX_AT_ONCE = 2;

export interface DecodeLimits {
  readonly budget: MediaBudget;
  readonly maxPixels: number;
}

export interface DecodeOptions extends DecodeLimits {
  readonly signal: AbortSignal;
}

/** Takes a CPU from other work until the function that it returns is called. */
export type TakeCpu = () => () => void;

export interface DecoderSettings {
  /** How long a picture may take to decode. */
  readonly timeoutMs: number;
  /** The program of the decoding thread; for tests. */
  readonly workerUrl?: URL | undefined;
  readonly takeCpu?: TakeCpu | undefined;
}

/** Decodes pictures, a few at a time, in a thread that is replaced when it does not answer. */
export class Decoder {
  readonly #settings: DecoderSettings;
  readonly #places = new Semaphore(MAX_AT_ONCE);
  #thread: DecodeThread | undefined;

  constructor(settings: DecoderSettings) {
    this.#settings = settings;
  }

  /**
   * Decodes a picture; the memory of its pieces is gone afterwards. Throws `bad_data_uri`, `over_budget`, `undecodable`,
   * `decode_too_large`, or the signal's reason, and ends the budget then. A picture keeps its place until the thread is
   * done with it: those who leave cannot make the thread hold more than a few.
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
    try {
      return await Promise.race([this.#places.run(signal, () => this.#decode(image, limits)), aborted]);
    } finally {
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
    }
  }

  async #decode(image: EncodedImage, limits: DecodeLimits): Promise<Bitmap> {
    if (this.#thread?.hasEnded !== false) this.#thread = new DecodeThread(this.#settings.workerUrl);
    const thread = this.#thread;
    const { timeoutMs, takeCpu } = this.#settings;
    const giveBack = takeCpu?.();
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        if (this.#thread === thread) this.#thread = undefined;
        thread.retire();
        limits.budget.end();
        reject(new VserveError('undecodable', `The image took longer than ${timeoutMs / 1000} s to decode.`));
      }, timeoutMs);
    });
    try {
      return await Promise.race([thread.decode(image, limits), tooLate]);
    } finally {
      clearTimeout(timer);
      giveBack?.();
    }
  }

  /** Ends the thread. What is being decoded fails with `shutting_down`. */
  async close(): Promise<void> {
    await this.#thread?.close();
  }
}
