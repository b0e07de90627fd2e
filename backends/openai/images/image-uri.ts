import sharp from 'sharp';
import type { Sharp } from 'sharp';
import type { Bitmap, ImageFile } from '../../../src/backend/index.ts';

/** Larger pictures are photographs, of which PNG makes files of many megabytes. */
const MAX_PNG_PIXELS = 1_000_000;
const JPEG_QUALITY = 95;

/**
 * The `data:` URI of an image: of its own file, or of one that is made of its pixels, without loss if it is small. One of
 * more than `maxPixels` is made smaller. The work is done in libuv's threads.
 */
export async function imageUri(image: Bitmap, maxPixels = Infinity): Promise<string> {
  const { width, height, file } = image;
  const fits = width * height <= maxPixels;
  if (fits && file !== undefined) return uriOf(file);
  const size = fits ? undefined : sizeWithin(width, height, maxPixels);
  const source = file === undefined ? pixelsOf(image) : sharp(file.bytes, { limitInputPixels: width * height });
  const sized = size === undefined ? source : source.resize({ ...size, fit: 'fill', kernel: 'lanczos3' });
  const pixels = size === undefined ? width * height : size.width * size.height;
  // What was JPEG stays JPEG: the loss is done.
  return pixels > MAX_PNG_PIXELS || file?.mediaType === 'image/jpeg'
    ? uriOf({
        bytes: new Uint8Array(await sized.jpeg({ quality: JPEG_QUALITY, chromaSubsampling: '4:4:4' }).toBuffer()),
        mediaType: 'image/jpeg',
      })
    : uriOf({ bytes: new Uint8Array(await sized.png().toBuffer()), mediaType: 'image/png' });
}

/** A blank image: engines count tokens of images by their size alone. */
export async function blankUri(width: number, height: number): Promise<string> {
  const blank = sharp({ create: { width, height, channels: 3, background: 'white' } });
  return uriOf({ bytes: new Uint8Array(await blank.png().toBuffer()), mediaType: 'image/png' });
}

function pixelsOf({ rgb, width, height }: Bitmap): Sharp {
  return sharp(rgb, { raw: { width, height, channels: 3 }, limitInputPixels: width * height });
}

/** The largest size of about the same shape. */
function sizeWithin(width: number, height: number, maxPixels: number): { width: number; height: number } {
  const scale = Math.sqrt(maxPixels / (width * height));
  return { width: Math.max(1, Math.floor(width * scale)), height: Math.max(1, Math.floor(height * scale)) };
}

function uriOf({ bytes, mediaType }: ImageFile): string {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  return `data:${mediaType};base64,${data}`;
}
