import { createHash } from 'node:crypto';
import type { webcrypto } from 'node:crypto';
import type { Bitmap } from '../backend/index.ts';
import { encodedBytes } from './image-sample.ts';
import type { EncodedImage } from './image-source.ts';

/** Larger sources are not looked up: they would be copied on the main thread first. */
const MAX_SOURCE_BYTES = 4 * 1024 * 1024;
/** Up to this size, hashing takes less of the main thread than handing the source to another one. */
const SMALL_BYTES = 512 * 1024;

/** What is remembered of an image: not its pixels. */
export type KnownImage = Pick<Bitmap, 'id' | 'width' | 'height'>;

/**
 * Which image a source was decoded to, by the SHA-256 of its bytes as they came. The least recently used are forgotten
 * beyond `maxImages`.
 */
export class KnownImages {
  readonly #maxImages: number;
  /** Least recently used first. */
  readonly #known = new Map<string, KnownImage>();

  constructor(maxImages: number) {
    this.#maxImages = maxImages;
  }

  /** The name of a source, of a large one computed in another thread; undefined for one that is too large to look up. */
  async nameOf(source: EncodedImage): Promise<string | undefined> {
    const bytes = encodedBytes(source);
    if (bytes > MAX_SOURCE_BYTES) return undefined;
    const digest = bytes <= SMALL_BYTES ? digestHere(source) : await digestElsewhere(source);
    return source.encoding + digest.toString('latin1');
  }

  get(name: string): KnownImage | undefined {
    const known = this.#known.get(name);
    if (known !== undefined) this.remember(name, known);
    return known;
  }

  remember(name: string, { id, width, height }: KnownImage): void {
    this.#known.delete(name);
    this.#known.set(name, { id, width, height });
    const [oldest] = this.#known.keys();
    if (this.#known.size > this.#maxImages && oldest !== undefined) this.#known.delete(oldest);
  }
}

function digestHere({ pieces }: EncodedImage): Buffer {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
}

async function digestElsewhere({ pieces }: EncodedImage): Promise<Buffer> {
  const data = Buffer.concat(pieces) as webcrypto.BufferSource;
  return Buffer.from(await crypto.subtle.digest('SHA-256', data));
}
