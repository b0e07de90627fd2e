import type { DecodedImage } from './pixels.ts';

/** A decode in progress, which others may wait for. */
interface Running {
  joined: number;
  /** For the others to copy; undefined if the decode failed, as limits differ between requests. */
  readonly result: Promise<DecodedImage | undefined>;
}

/** A least-recently-used cache of decoded images by the SHA-256 of their files: the same file is decoded once. */
export class DecodedImages {
  readonly #maxBytes: number;
  #bytes = 0;
  /** Least recently used first. */
  readonly #kept = new Map<string, DecodedImage>();
  readonly #running = new Map<string, Running>();

  /** Caches at most `maxBytes` of pixels. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The image of a file: from the cache, from a decode in progress, or from `decode`. The caller owns its memory. */
  async get(fileHash: string, decode: () => Promise<DecodedImage>): Promise<DecodedImage> {
    for (let running = this.#running.get(fileHash); running !== undefined; running = this.#running.get(fileHash)) {
      running.joined += 1;
      const image = await running.result;
      if (image !== undefined) return copyOf(image);
    }
    const kept = this.#kept.get(fileHash);
    if (kept !== undefined) {
      this.#keep(fileHash, kept);
      return copyOf(kept);
    }
    return this.#decode(fileHash, decode);
  }

  async #decode(fileHash: string, decode: () => Promise<DecodedImage>): Promise<DecodedImage> {
    const decoding = decode();
    const running: Running = {
      joined: 0,
      result: decoding.then(
        (image) => this.#share(fileHash, image, running.joined > 0),
        () => undefined,
      ),
    };
    this.#running.set(fileHash, running);
    try {
      await running.result;
      return await decoding;
    } finally {
      this.#running.delete(fileHash);
    }
  }

  /** A copy for others: the caller of `get` transfers the memory of its own to another thread. */
  #share(fileHash: string, image: DecodedImage, isAwaited: boolean): DecodedImage | undefined {
    const fits = image.rgb.length <= this.#maxBytes;
    if (!fits && !isAwaited) return undefined;
    const shared = copyOf(image);
    if (fits) this.#keep(fileHash, shared);
    return shared;
  }

  #keep(fileHash: string, image: DecodedImage): void {
    if (!this.#kept.delete(fileHash)) this.#bytes += image.rgb.length;
    this.#kept.set(fileHash, image);
    for (const [oldest, { rgb }] of this.#kept) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#kept.delete(oldest);
      this.#bytes -= rgb.length;
    }
  }
}

function copyOf(image: DecodedImage): DecodedImage {
  return { ...image, rgb: image.rgb.slice() };
}
