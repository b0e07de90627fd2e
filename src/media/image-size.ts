import type { Bitmap } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import { decodeImage } from './decode-image.ts';
import type { Reserve } from './pixels.ts';

/**
 * An image without its pixels: the size that its header states, after orientation. The pixels may be damaged nevertheless.
 * Throws `undecodable`, or what `check` throws.
 */
export async function imageSizeOf(file: Uint8Array, check: Reserve): Promise<Bitmap> {
  let size: Pick<Bitmap, 'width' | 'height'> | undefined;
  const found = new VserveError('undecodable', 'The image was not to be decoded.');
  try {
    return await decodeImage(file, (width, height, bytesPerPixel) => {
      check(width, height, bytesPerPixel);
      size = { width, height };
      // Decoding ends here.
      throw found;
    });
  } catch (error) {
    if (error !== found || size === undefined) throw error;
    return { ...size, rgb: new Uint8Array(), id: '' };
  }
}
