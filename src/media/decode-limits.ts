import type { MediaBudget } from './media-budget.ts';

/** What an image may take while it is decoded. */
export interface DecodeLimits {
  readonly budget: MediaBudget;
  readonly maxPixels: number;
  /** Read the header alone: the bitmap has a size and no pixels. */
  readonly sizeOnly?: boolean;
  /** Give the image's own file in place of its pixels, where that does: see `plainFileOf`. */
  readonly keepsFile?: boolean | undefined;
}
