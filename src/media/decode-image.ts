import { messageOf, VserveError } from '../errors/index.ts';
import { decodeBmp } from './decode-bmp.ts';
import { decodeNetpbm } from './decode-netpbm.ts';
import { decodeWithSharp } from './decode-with-sharp.ts';
import { imageFormatOf, SUPPORTED_FORMATS } from './image-format.ts';
import type { ImageFormat } from './image-format.ts';
import { identify } from './pixels.ts';
import type { DecodedImage, Pixels, Reserve } from './pixels.ts';
import { videoFormatOf } from './video-format.ts';

type Decode = (bytes: Uint8Array, reserve: Reserve) => Pixels | Promise<DecodedImage>;

const decoders: Readonly<Record<ImageFormat, Decode>> = {
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
 * Decodes an image of any supported format, on the calling thread, which should not be the main one.
 * Throws `undecodable`, or what `reserve` throws.
 */
export async function decodeImage(bytes: Uint8Array, reserve: Reserve): Promise<DecodedImage> {
  if (bytes.length === 0) throw new VserveError('undecodable', 'The image is empty (0 bytes).');
  const format = imageFormatOf(bytes);
  if (format === undefined) {
    const message = `The data is not an image in a supported format: ${SUPPORTED_FORMATS}.${otherPlaceOf(bytes)}`;
    throw new VserveError('undecodable', message);
  }
  try {
    const decoded = await decoders[format](bytes, reserve);
    return 'id' in decoded ? decoded : identify(decoded);
  } catch (error) {
    if (error instanceof VserveError) throw error;
    const message = `The image cannot be decoded as ${format.toUpperCase()}: ${reasonOf(error)}. It is damaged, or uses an unsupported feature of the format.`;
    throw new VserveError('undecodable', message, { cause: error });
  }
}

/** Where to send what is no image. */
function otherPlaceOf(bytes: Uint8Array): string {
  if (Buffer.from(bytes.subarray(0, 1024)).includes('%PDF-')) {
    return ' It is a PDF: send it in a part of type file (input_file, document).';
  }
  return videoFormatOf(bytes) === undefined ? '' : ' It is a video: send it in a part of type video_url.';
}

/** The last line of a library's message, without memory addresses. */
function reasonOf(error: unknown): string {
  const lines = messageOf(error).trim().split('\n');
  return (lines.at(-1) ?? '').replaceAll(/0x[0-9a-f]{6,}/gi, '…').slice(0, 200);
}
