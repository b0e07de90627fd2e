/** What is asked of an image processor in place of its own settings: as `ProcessorChanges` of the native engine. */
export interface ProcessorChanges {
  readonly minPixels?: number;
  readonly maxPixels?: number;
  readonly minTiles?: number;
  /** 1: pictures are not cut into tiles. */
  readonly maxTiles?: number;
  readonly longestEdge?: number;
  readonly tileTolerance?: number;
  readonly hasThumbnail?: boolean;
  readonly fillsCanvas?: boolean;
  readonly panAndScan?: PanAndScan;
}

/** Crops of an oblong picture (Gemma 3). */
export interface PanAndScan {
  /** 0: none. */
  readonly maxCrops: number;
  readonly minCropSize: number;
  readonly minRatio: number;
}

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** Pixels that a picture should have, at least and at most. */
export interface PixelLimits {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

export function areaOf({ width, height }: PictureSize): number {
  return width * height;
}
