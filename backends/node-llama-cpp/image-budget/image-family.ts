import type { ImageDetail, JsonValue } from '../../../src/backend/index.ts';
import type { PictureSize, PixelLimits, ProcessorChanges } from './processor-changes.ts';

/** Reads a setting of a processor. Throws `invalid_request` with the path. */
export type ReadSetting = (value: JsonValue, path: string) => ProcessorChanges;

/** What a family's image processor leaves to its caller. */
export interface ImageFamily {
  /** Its own settings, by their names in transformers. */
  readonly settings: Readonly<Record<string, ReadSetting>>;
  /** The one without which the others have no effect. */
  readonly needed?: string;
  /**
   * How a picture gets a number of pixels, as near as the processor can. Undefined where it cannot: then the picture has
   * the number that `fixedPixels` says.
   */
  readonly bound?: (limits: PixelLimits, picture: PictureSize) => ProcessorChanges;
  /** Pixels that every picture has. */
  readonly fixedPixels?: number;
  /** Empty where the processor's own settings are what that means. `mostTokens`: of one input of the encoder. */
  readonly detail: (detail: ImageDetail, picture: PictureSize, mostTokens: number) => ProcessorChanges;
  /**
   * What all pictures have where the server bounds their tokens. Undefined where it cannot: the number of tokens is fixed.
   * Throws a `RangeError` for numbers that no picture can have.
   */
  readonly ofTokens?: (limits: PixelLimits) => ProcessorChanges;
  /** With which a picture becomes the most tokens, of what may be asked for. */
  readonly largest: ProcessorChanges;
}
