import type { AskedImage, Bitmap, ImageBudget } from '../../../src/backend/index.ts';
import { imageUri } from './image-uri.ts';

/** Of URIs, in characters. */
const MAX_KEPT_CHARACTERS = 128 * 1024 * 1024;

/** A URI that stands for an image in further requests (`Bitmap.encoded`). */
class KeptUri {
  readonly uri: string;

  constructor(uri: string) {
    this.uri = uri;
  }
}

/** The `data:` URIs of images, the last used ones kept: what came before is neither decoded nor written again. */
export class ImageUris {
  readonly #maxPixels: number;
  readonly #maxKept: number;
  #kept = 0;
  /** Least recently used first. */
  readonly #uris = new Map<string, KeptUri>();

  /** `maxPixels` holds for all images, besides their own budgets. */
  constructor(maxPixels = Infinity, maxKeptCharacters = MAX_KEPT_CHARACTERS) {
    this.#maxPixels = maxPixels;
    this.#maxKept = maxKeptCharacters;
  }

  /** What is kept of an image, from a request of the same salt. */
  find({ id, budget }: Pick<AskedImage, 'id' | 'budget'>, cacheSalt: string): object | undefined {
    const key = this.#keyOf(id, budget, cacheSalt);
    const found = this.#uris.get(key);
    if (found !== undefined) this.#keep(key, found);
    return found;
  }

  async of(image: Bitmap, budget: ImageBudget | undefined, cacheSalt: string): Promise<string> {
    if (image.url !== undefined) return image.url;
    if (image.encoded instanceof KeptUri) return image.encoded.uri;
    const key = this.#keyOf(image.id, budget, cacheSalt);
    const found = this.#uris.get(key);
    if (found !== undefined) return found.uri;
    const made = new KeptUri(await imageUri(image, this.#pixelsWithin(budget)));
    this.#keep(key, made);
    return made.uri;
  }

  #pixelsWithin(budget: ImageBudget | undefined): number {
    return Math.min(this.#maxPixels, budget?.maxPixels ?? Infinity);
  }

  #keyOf(id: string, budget: ImageBudget | undefined, cacheSalt: string): string {
    return `${id} ${String(this.#pixelsWithin(budget))} ${cacheSalt}`;
  }

  #keep(key: string, kept: KeptUri): void {
    if (kept.uri.length > this.#maxKept) return;
    if (!this.#uris.delete(key)) this.#kept += kept.uri.length;
    this.#uris.set(key, kept);
    for (const [oldest, { uri }] of this.#uris) {
      if (this.#kept <= this.#maxKept) break;
      this.#uris.delete(oldest);
      this.#kept -= uri.length;
    }
  }
}
