import sharp from 'sharp';
import type { ImageFile } from '../backend/index.ts';
import { isSrgbProfile } from './icc-profile.ts';
import { imageFormatOf } from './image-format.ts';

/**
 * An image's own file, if every program reads the same pixels from it as we do: a JPEG or PNG that is upright, opaque, and
 * in sRGB or grey. It has memory of its own.
 */
export async function plainFileOf(bytes: Uint8Array): Promise<ImageFile | undefined> {
  const format = imageFormatOf(bytes);
  if (format !== 'jpeg' && format !== 'png') return undefined;
  const { orientation = 1, hasAlpha, space, icc, pages = 1 } = await sharp(bytes).metadata();
  const isPlain = orientation === 1 && !hasAlpha && pages === 1 && (space === 'srgb' || space === 'b-w');
  if (!isPlain || (icc !== undefined && !isSrgbProfile(icc))) return undefined;
  return { bytes: new Uint8Array(bytes), mediaType: `image/${format}` };
}
