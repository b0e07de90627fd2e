import { VserveError } from '../errors/index.ts';
import { exactSize } from '../formats/exact-size.ts';

const ENCODED = 0;
const DECODED = 1;
/** Pixels take more than files: forty screenshots of 1280 by 800 are 123 MB. */
export const decodedFactor = 2;
/** Far below zero, so that a refused spend that another thread gives back does not raise it above zero. */
const ENDED = -(2n ** 60n);

/** The counters of a `MediaBudget`: remaining bytes, encoded and decoded. */
export type BytesLeft = BigInt64Array<SharedArrayBuffer>;

/**
 * The bytes that the images of one request may still take, encoded and decoded. The counters are in shared memory, as
 * several threads handle images of one request at the same time.
 */
export class MediaBudget {
  readonly maxBytes: number;
  readonly bytesLeft: BytesLeft;

  /**
   * A budget of `maxBytes` encoded, and of `decodedFactor` times that decoded; with `bytesLeft`, another thread's view of
   * the same budget.
   */
  constructor(maxBytes: number, bytesLeft?: BytesLeft) {
    this.maxBytes = maxBytes;
    this.bytesLeft = bytesLeft ?? new BigInt64Array(new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT));
    if (bytesLeft !== undefined) return;
    this.bytesLeft[ENCODED] = BigInt(maxBytes);
    this.bytesLeft[DECODED] = BigInt(decodedFactor * maxBytes);
  }

  /** Spends encoded bytes. Throws `over_budget`. */
  spendEncoded(bytes: number): void {
    if (!this.#spend(ENCODED, bytes)) throw this.#overBudget();
  }

  /** Throws `over_budget` if that many encoded bytes would exceed the budget. */
  requireEncoded(bytes: number): void {
    if (BigInt(bytes) > Atomics.load(this.bytesLeft, ENCODED)) throw this.#overBudget();
  }

  /** Spends the bytes of an image's pixels. Throws `decode_too_large`. */
  spendDecoded(width: number, height: number, bytesPerPixel: number): void {
    const bytes = width * height * bytesPerPixel;
    const size = `${width}x${height} pixels of ${bytesPerPixel} bytes`;
    const options = '(--max-media-bytes, MAX_SERVE_MAX_MEDIA_BYTES)';
    if (bytes > this.maxBytes) {
      const limit = `${exactSize(this.maxBytes)} decoded, the limit of this server for an image ${options}`;
      throw new VserveError('decode_too_large', `An image of ${size} takes more than ${limit}. Scale it down.`);
    }
    if (this.#spend(DECODED, bytes)) return;
    const limit = `${exactSize(decodedFactor * this.maxBytes)} decoded, the limit of this server for a request: ${decodedFactor} times ${exactSize(this.maxBytes)} ${options}`;
    throw new VserveError(
      'decode_too_large',
      `The images of the request together take more than ${limit}; this one has ${size}. Send fewer, or scale them down.`,
    );
  }

  /** Leaves nothing: work for the request ends at its next step, in any thread. */
  end(): void {
    for (const counter of [ENCODED, DECODED]) Atomics.store(this.bytesLeft, counter, ENDED);
  }

  #spend(counter: number, bytes: number): boolean {
    const cost = BigInt(bytes);
    if (Atomics.sub(this.bytesLeft, counter, cost) >= cost) return true;
    Atomics.add(this.bytesLeft, counter, cost);
    return false;
  }

  #overBudget(): VserveError {
    const message = `The images of the request together are larger than ${exactSize(this.maxBytes)}, the limit of this server (--max-media-bytes, MAX_SERVE_MAX_MEDIA_BYTES). Send fewer or smaller images.`;
    return new VserveError('over_budget', message);
  }
}
