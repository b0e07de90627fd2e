import type { PageSize } from './pdfium.ts';

/** Small pages are not blown up beyond this: 300 dots per inch. */
const MAX_PIXELS_PER_PT = 300 / 72;

/**
 * The pixels of a page's picture: as many as its longer side may have, at most 300 dots per inch. A page is never without
 * pixels, however narrow it is.
 */
export function pagePixels({ widthPt, heightPt }: PageSize, longerSide: number): { width: number; height: number } {
  const scale = Math.min(longerSide / Math.max(widthPt, heightPt), MAX_PIXELS_PER_PT);
  const pixels = (points: number): number => Math.min(longerSide, Math.max(1, Math.round(points * scale)));
  return { width: pixels(widthPt), height: pixels(heightPt) };
}
