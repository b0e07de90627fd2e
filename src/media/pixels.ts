import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';

/** A decoded image: `width * height * 3` bytes, row by row, R G B. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array<ArrayBuffer>;
}

/**
 * Called with the size that a file's header states, in pixels, before anything of that size is allocated. Throws if the
 * image would be too large. `bytesPerPixel` is that of the file's own pixels, at least 3.
 */
export type Reserve = (width: number, height: number, bytesPerPixel?: number) => void;

/** A `Bitmap` whose memory can move to another thread. */
export interface DecodedImage extends Pixels {
  readonly id: string;
}

/** Bytes copied and hashed at a time: few enough to stay in the CPU's cache. */
const PIECE_BYTES = 256 * 1024;

/** A bitmap with its id: the SHA-256 of the width and the height (32 bits each, big-endian) and the pixels, in hexadecimal. */
export function identify(pixels: Pixels): DecodedImage {
  return { ...pixels, id: hashOfSize(pixels.width, pixels.height).update(pixels.rgb).digest('hex') };
}

/** Like `identify`, for pixels in borrowed memory, which are copied on the way. */
export function copyAndIdentify(width: number, height: number, pixels: Uint8Array): DecodedImage {
  const hash = hashOfSize(width, height);
  const rgb = new Uint8Array(pixels.length);
  for (let at = 0; at < pixels.length; at += PIECE_BYTES) {
    const piece = pixels.subarray(at, at + PIECE_BYTES);
    rgb.set(piece, at);
    hash.update(piece);
  }
  return { width, height, rgb, id: hash.digest('hex') };
}

function hashOfSize(width: number, height: number): Hash {
  const size = Buffer.alloc(8);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  return createHash('sha256').update(size);
}
