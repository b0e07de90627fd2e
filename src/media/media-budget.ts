import { VserveError } from '../errors/index.ts';

const MIB = 1024 * 1024;

/** A number of bytes, for people. */
export function inMib(bytes: number): string {
  return `${Number((bytes / MIB).toFixed(1))} MiB`;
}

/**
 * The bytes that the images of one request may still take, encoded and decoded. The decoded count lies in shared
 * memory: images of one request are decoded at the same time, in a thread that learns their sizes first.
 */
export class MediaBudget {
  readonly maxBytes: number;
  /** One counter: the decoded bytes that are left. */
  readonly decodedBytesLeft: BigInt64Array<SharedArrayBuffer>;
  #encodedBytesLeft: number;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
    this.#encodedBytesLeft = maxBytes;
    this.decodedBytesLeft = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT));
    this.decodedBytesLeft[0] = BigInt(maxBytes);
  }

  /** Takes encoded bytes out of the budget. Throws `over_budget`. */
  spendEncoded(bytes: number): void {
    this.requireEncoded(bytes);
    this.#encodedBytesLeft -= bytes;
  }

  /** Throws `over_budget` where that many encoded bytes would be too many. */
  requireEncoded(bytes: number): void {
    if (bytes <= this.#encodedBytesLeft) return;
    const message = `The images of the request together are larger than ${inMib(this.maxBytes)}, the limit of this server (MAX_SERVE_MAX_MEDIA_BYTES). Send fewer or smaller images.`;
    throw new VserveError('over_budget', message);
  }
}

/** Takes the bytes of a picture's pixels out of a budget's decoded bytes; false where they do not fit. */
export function spendDecoded(decodedBytesLeft: BigInt64Array<SharedArrayBuffer>, bytes: number): boolean {
  const cost = BigInt(bytes);
  if (Atomics.sub(decodedBytesLeft, 0, cost) >= cost) return true;
  Atomics.add(decodedBytesLeft, 0, cost);
  return false;
}
