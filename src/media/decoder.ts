import type { Bitmap } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import { DecodeThread } from './decode-thread.ts';
import type { EncodedImage } from './image-source.ts';
import type { MediaBudget } from './media-budget.ts';
import { Semaphore } from './semaphore.ts';

/** Half of the threads that Node shares among all decoding, files and DNS. */
const MAX_AT_ONCE = 2;

export interface DecodeOptions {
  readonly budget: MediaBudget;
  readonly maxPixels: number;
  readonly signal: AbortSignal;
}

export interface DecoderSettings {
  /** How long a picture may take to decode. */
  readonly timeoutMs: number;
  /** The program of the decoding thread; for tests. */
  readonly workerUrl?: URL | undefined;
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
   * `decode_too_large`, or the signal's reason; the thread then finishes the picture for nothing.
   */
  decode(image: EncodedImage, { budget, maxPixels, signal }: DecodeOptions): Promise<Bitmap> {
    return this.#places.run(signal, async () => {
      if (this.#thread?.hasEnded !== false) this.#thread = new DecodeThread(this.#settings.workerUrl);
      const thread = this.#thread;
      const { timeoutMs } = this.#settings;
      const expiry = new AbortController();
      const timer = setTimeout(() => expiry.abort(), timeoutMs);
      try {
        return await thread.decode(image, { budget, maxPixels, signal: AbortSignal.any([signal, expiry.signal]) });
      } catch (error) {
        signal.throwIfAborted();
        if (!expiry.signal.aborted) throw error;
        if (this.#thread === thread) this.#thread = undefined;
        thread.retire();
        throw new VserveError('undecodable', `The image took longer than ${timeoutMs / 1000} s to decode.`);
      } finally {
        clearTimeout(timer);
      }
    });
  }

  /** Ends the thread. What is being decoded fails with `shutting_down`. */
  async close(): Promise<void> {
    await this.#thread?.close();
  }
}
