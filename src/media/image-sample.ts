import { createHash } from 'node:crypto';
import type { EncodedImage } from './image-source.ts';

const WINDOWS = 8;
const WINDOW_BYTES = 512;

/** The encoded size of an image. */
export function encodedBytes({ pieces }: EncodedImage): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/**
 * A fingerprint of an image's length and of a few places in it, in constant time. The same image always has the same
 * sample; two images may share one.
 */
export function sampleOf(image: EncodedImage): string {
  const length = encodedBytes(image);
  const hash = createHash('sha256').update(`${image.encoding} ${length} `);
  for (let window = 0; window < WINDOWS; window += 1) {
    for (const part of bytesAt(image, Math.floor((length * window) / WINDOWS), WINDOW_BYTES)) hash.update(part);
  }
  return hash.digest('base64');
}

/** Up to `count` bytes from `start` on, as views of the pieces. */
function bytesAt({ pieces }: EncodedImage, start: number, count: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const piece of pieces) {
    const from = Math.max(start - offset, 0);
    const to = Math.min(start + count - offset, piece.length);
    if (from < to) parts.push(piece.subarray(from, to));
    offset += piece.length;
  }
  return parts;
}
