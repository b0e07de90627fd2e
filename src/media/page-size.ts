import type { PageSize } from './pdfium.ts';

/** Small pages are not blown up beyond this: 300 dots per inch. */
const MAX_PIXELS_PER_PT = 300 / 72;

export interface PageLimits {
  readonly longerSide: number;
  readonly maxPixels?: number | undefined;
}

/**
 * The pixels of a page's picture: as many as its longer side and all of it may have, at most 300 dots per inch. A page is never
 * without pixels, however narrow it is.
 */
export function pagePixels(
  { widthPt, heightPt }: PageSize,
  { longerSide, maxPixels = Infinity }: PageLimits,
): { width: number; height: number } {
  const byArea = Math.sqrt(maxPixels / (widthPt * heightPt));
  const scale = Math.min(longerSide / Math.max(widthPt, heightPt), MAX_PIXELS_PER_PT, byArea);
  // Down where each pixel counts.
  const round = scale === byArea ? Math.floor : Math.round;
  const pixels = (points: number): number => Math.min(longerSide, Math.max(1, round(points * scale)));
  return { width: pixels(widthPt), height: pixels(heightPt) };
}
