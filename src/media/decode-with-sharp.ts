import sharp from 'sharp';
import type { Metadata, Sharp, SharpOptions } from 'sharp';
import { messageOf, VserveError } from '../errors/index.ts';
import { flattenOnWhite } from './flatten.ts';
import { isSrgbProfile } from './icc-profile.ts';
import { copyAndIdentify, identify } from './pixels.ts';
import type { DecodedImage, Pixels, Reserve } from './pixels.ts';
import { tiffOf } from './tiff.ts';

/** Every loader is attack surface: these are all that are needed, and none of them opens a file. */
const LOADERS = ['Png', 'Jpeg', 'Webp', 'Nsgif', 'Tiff', 'Heif'].map((name) => `VipsForeignLoad${name}Buffer`);
const TIMEOUT_S = 20;
const SAMPLE_BYTES: Readonly<Record<string, number>> = {
  uchar: 1,
  char: 1,
  ushort: 2,
  short: 2,
  uint: 4,
  int: 4,
  float: 4,
};
/** libheif's message for a compression that it was built without: mostly HEVC, in photos from phones. */
const NOT_BUILT_IN = /compression format has not been built in/i;
/** A complex number of two doubles, the widest type of libvips. */
const WIDEST_SAMPLE_BYTES = 16;

sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: LOADERS });
// No two images share operations, and the CPUs belong to the model.
sharp.cache(false);
sharp.concurrency(1);

/**
 * Decodes what libvips reads: PNG, JPEG, WEBP, GIF (first frame), TIFF (first page), AVIF. Orientation is applied,
 * alpha is flattened on white. Colors are only converted if the file has a profile that is not sRGB: without one, the
 * bytes equal Pillow's. HEIC (HEVC) is read by libheif where libvips was built without it. Throws an `Error` from
 * libvips, `undecodable` for other compressions in HEIF, or what `reserve` throws.
 */
export async function decodeWithSharp(bytes: Uint8Array, reserve: Reserve): Promise<DecodedImage> {
  const metadata = await sharp(bytes, { failOn: 'error', limitInputPixels: false }).metadata();
  const { width, height } = metadata.autoOrient;
  const sampleBytes = SAMPLE_BYTES[metadata.depth] ?? WIDEST_SAMPLE_BYTES;
  reserve(width, height, Math.max(3, metadata.channels * sampleBytes));
  const hasProfile = metadata.icc !== undefined && !isSrgbProfile(metadata.icc);
  // Bad pixels are errors; mere oddities of a file are not.
  const options: SharpOptions = { failOn: 'error', limitInputPixels: width * height, ignoreIcc: !hasProfile };
  const image = sharp(bytes, options).autoOrient().timeout({ seconds: TIMEOUT_S });
  try {
    return await (metadata.space === 'cmyk' && !hasProfile ? decodeCmyk(image) : decodeRgb(image, metadata));
  } catch (error) {
    if (!NOT_BUILT_IN.test(messageOf(error))) throw error;
    if (metadata.compression !== 'hevc') throw compressionNotBuiltIn(metadata, error);
    const { decodeHevc } = await import('./decode-hevc.ts');
    return decodeWithProfile(await decodeHevc(bytes, { width, height }), metadata.icc);
  }
}

function compressionNotBuiltIn({ compression }: Metadata, cause: unknown): VserveError {
  const message = `The image is a HEIC or HEIF file with a compression that this server cannot decode (${compression ?? 'unknown'}). Send it as JPEG, PNG, WEBP or AVIF.`;
  return new VserveError('undecodable', message, { cause });
}

/** Pixels that were decoded without their colour profile. */
async function decodeWithProfile(pixels: Pixels, icc: Buffer | undefined): Promise<DecodedImage> {
  if (icc === undefined || isSrgbProfile(icc)) return identify(pixels);
  const { width, height } = pixels;
  const image = sharp(tiffOf(pixels, icc), { limitInputPixels: width * height }).timeout({ seconds: TIMEOUT_S });
  return decodeRgb(image, { hasAlpha: false });
}

async function decodeRgb(image: Sharp, { hasAlpha }: Pick<Metadata, 'hasAlpha'>): Promise<DecodedImage> {
  const { data, info } = await (hasAlpha ? image : image.removeAlpha())
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  // sharp's toUint8Array would avoid this copy, but makes the memory of a long-running process grow.
  return channels === 4 ? identify({ width, height, rgb: flattenOnWhite(data) }) : copyAndIdentify(width, height, data);
}

/** CMYK without a profile, converted as Pillow does; libvips would assume a printing process. */
async function decodeCmyk(image: Sharp): Promise<DecodedImage> {
  const { data, info } = await image
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const rgb = new Uint8Array(info.width * info.height * 3);
  for (let pixel = 0; pixel < info.width * info.height; pixel += 1) {
    const at = pixel * info.channels;
    const light = 255 - (data[at + 3] ?? 0);
    for (let ink = 0; ink < 3; ink += 1) rgb[pixel * 3 + ink] = light - multiply(data[at + ink] ?? 0, light);
  }
  return identify({ width: info.width, height: info.height, rgb });
}

/** `a * b / 255`, rounded as Pillow rounds it. */
function multiply(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}
