import { createHash } from 'node:crypto';
import { messageOf, VserveError } from '../errors/index.ts';
import { decodeBmp } from './decode-bmp.ts';
import { decodeNetpbm } from './decode-netpbm.ts';
import { decodeWithSharp } from './decode-with-sharp.ts';
import { imageFormatOf, SUPPORTED_FORMATS } from './image-format.ts';
import type { ImageFormat } from './image-format.ts';
import type { Pixels, Reserve } from './pixels.ts';

/** A `Bitmap` whose memory can move to another thread. */
export interface DecodedImage extends Pixels {
  readonly id: string;
}

const decoders: Readonly<Record<ImageFormat, (bytes: Uint8Array, reserve: Reserve) => Pixels | Promise<Pixels>>> = {
  png: decodeWithSharp,
  jpeg: decodeWithSharp,
  webp: decodeWithSharp,
  gif: decodeWithSharp,
  tiff: decodeWithSharp,
  heif: decodeWithSharp,
  bmp: decodeBmp,
  netpbm: decodeNetpbm,
};

/**
 * Decodes a picture of any supported format. It computes on the calling thread, which should not be the main one.
 * Throws `undecodable`, or what `reserve` throws.
 */
export async function decodeImage(bytes: Uint8Array, reserve: Reserve): Promise<DecodedImage> {
  const format = imageFormatOf(bytes);
  if (format === undefined) {
    const message = `The data is not an image in a format that this server reads: ${SUPPORTED_FORMATS}.`;
    throw new VserveError('undecodable', message);
  }
  try {
    const pixels = await decoders[format](bytes, reserve);
    return { ...pixels, id: bitmapId(pixels) };
  } catch (error) {
    if (error instanceof VserveError) throw error;
    const message = `The image cannot be decoded as ${format.toUpperCase()}: ${reasonOf(error)}. It is damaged, or of a kind that this server does not read.`;
    throw new VserveError('undecodable', message, { cause: error });
  }
}

/** The last line of what a library says, without the addresses of its memory. */
function reasonOf(error: unknown): string {
  const lines = messageOf(error).trim().split('\n');
  return (lines.at(-1) ?? '').replaceAll(/0x[0-9a-f]{6,}/gi, '…').slice(0, 200);
}

/** SHA-256 of the width and the height (32 bits each, big-endian) and the pixels, in hexadecimal. */
function bitmapId({ width, height, rgb }: Pixels): string {
  const size = Buffer.alloc(8);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  return createHash('sha256').update(size).update(rgb).digest('hex');
}
