/** Families whose pictures have one size in front of the encoder. */
import { areaOf } from './processor-changes.ts';
import type { PanAndScan, ProcessorChanges } from './processor-changes.ts';
import type { ImageFamily } from './image-family.ts';
import type { ImageGeometry } from './geometry.ts';
import { boolean, positiveNumber, wholeNumber } from './setting-values.ts';

/** Nothing is left to the caller: LLaVA, Gemma 3n, DeepSeek-OCR. */
export function fixedFamily({ side }: ImageGeometry): ImageFamily {
  return {
    settings: {},
    fixedPixels: areaOf({ width: side, height: side }),
    detail: () => ({}),
    largest: {},
  };
}

/** What transformers' class takes where crops are asked for without more. */
const USUAL_CROPS: PanAndScan = { maxCrops: 4, minCropSize: 256, minRatio: 1.2 };

const crops = (change: Partial<PanAndScan>): ProcessorChanges => ({ panAndScan: { ...USUAL_CROPS, ...change } });

/** A square, and crops of an oblong picture where they are asked for: Gemma 3. */
export function panAndScanFamily(geometry: ImageGeometry): ImageFamily {
  return {
    ...fixedFamily(geometry),
    needed: 'do_pan_and_scan',
    settings: {
      do_pan_and_scan: (value, path) => crops(boolean(value, path) ? {} : { maxCrops: 0 }),
      pan_and_scan_max_num_crops: (value, path) => crops({ maxCrops: wholeNumber(value, path, 1, 64) }),
      pan_and_scan_min_crop_size: (value, path) => crops({ minCropSize: wholeNumber(value, path, 1, 65_536) }),
      pan_and_scan_min_ratio_to_activate: (value, path) => crops({ minRatio: positiveNumber(value, path) }),
    },
  };
}
