import type { KnownImage } from './known-images.ts';
import type { MediaPart } from './media-parts.ts';

/** Of the texts of one file, in characters: longer ones are not remembered. */
const MAX_CHARACTERS = 256 * 1024;

type KnownPart =
  | Extract<MediaPart, { readonly type: 'text' }>
  | (Omit<Extract<MediaPart, { readonly type: 'image' }>, 'bitmap'> & {
      readonly image: KnownImage & { readonly frames?: number };
    });

/** The encoded form of an image, if there is one. */
type FindEncoded = (image: KnownImage) => object | undefined;

/**
 * What documents and videos have become, without the pixels: a conversation that goes on brings the same file again. The
 * least recently used are forgotten beyond `maxFiles`.
 */
export class KnownParts {
  readonly #maxFiles: number;
  /** Least recently used first. */
  readonly #known = new Map<string, readonly KnownPart[]>();

  constructor(maxFiles: number) {
    this.#maxFiles = maxFiles;
  }

  /** The parts of a file, if the encoded form of each of its images is found. */
  get(name: string, findEncoded: FindEncoded): MediaPart[] | undefined {
    const known = this.#known.get(name);
    if (known === undefined) return undefined;
    this.#keep(name, known);
    const parts = known.map((part) => found(part, findEncoded));
    return parts.every((part) => part !== undefined) ? parts : undefined;
  }

  remember(name: string, parts: readonly MediaPart[]): void {
    const characters = parts.reduce((sum, part) => sum + (part.type === 'text' ? part.text.length : 0), 0);
    if (characters <= MAX_CHARACTERS) this.#keep(name, parts.map(withoutPixels));
  }

  #keep(name: string, parts: readonly KnownPart[]): void {
    this.#known.delete(name);
    this.#known.set(name, parts);
    const [oldest] = this.#known.keys();
    if (this.#known.size > this.#maxFiles && oldest !== undefined) this.#known.delete(oldest);
  }
}

function withoutPixels(part: MediaPart): KnownPart {
  if (part.type === 'text') return part;
  const { bitmap, ...rest } = part;
  const { id, width, height, frames } = bitmap;
  return { ...rest, image: { id, width, height, ...(frames === undefined ? {} : { frames }) } };
}

function found(part: KnownPart, findEncoded: FindEncoded): MediaPart | undefined {
  if (part.type === 'text') return part;
  const { image, ...rest } = part;
  const encoded = findEncoded(image);
  return encoded && { ...rest, bitmap: { ...image, rgb: new Uint8Array(), encoded } };
}
