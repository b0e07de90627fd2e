import type { DecodedImage } from './pixels.ts';

/** A decode that others may wait for. */
interface Running {
  joined: number;
  /** What the others may copy; undefined where the decode failed, which each has to find out for itself. */
  readonly result: Promise<DecodedImage | undefined>;
}

/** Keeps decoded pictures by the SHA-256 of their files, the last used ones, so that the same file is decoded once. */
export class DecodedImages {
  readonly #maxBytes: number;
  #bytes = 0;
  /** The least recently used first. */
  readonly #kept = new Map<string, DecodedImage>();
  readonly #running = new Map<string, Running>();

  /** Keeps pictures of at most `maxBytes` together. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The picture of a file, decoded by `decode` where nobody else did or does. The caller owns its memory. */
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

  /** What others may copy of a picture: the caller of `get` gives the memory of its own away. */
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
