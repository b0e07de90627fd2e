import type { Settings } from '../../settings/index.ts';
import type { Random } from './random.ts';

/** The size of the benchmark's pictures in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

type SizeSettings = Pick<Settings, 'imageLongSide' | 'imageAspectRatio' | 'randomImageSize'>;

export function pictureSize({ imageLongSide, imageAspectRatio, randomImageSize }: SizeSettings): PictureSize {
  const side = (ratio: number): number => Math.max(1, Math.round(imageLongSide * Math.min(1, ratio)));
  return randomImageSize ?? { width: side(imageAspectRatio), height: side(1 / imageAspectRatio) };
}

/** A picture that no cache has seen: four colours that blend into each other. As a data URL. */
export async function randomPicture({ width, height }: PictureSize, random: Random): Promise<string> {
  const { default: sharp } = await import('sharp');
  const corners = Uint8Array.from({ length: 2 * 2 * 3 }, () => Math.floor(random() * 256));
  const jpeg = await sharp(corners, { raw: { width: 2, height: 2, channels: 3 } })
    .resize({ width, height, fit: 'fill', kernel: 'cubic' })
    .jpeg({ quality: 90 })
    .toBuffer();
  return `data:image/jpeg;base64,${jpeg.toString('base64')}`;
}
