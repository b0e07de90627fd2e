import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { size } from '../checkpoint/parse-config.ts';
import { preprocessorSchema } from './vision-parameters.ts';

const sides = z.object({ height: size, width: size });

/** How a processor of LLaVA's models makes images as large as the encoder wants them. */
export const preparationSchema = preprocessorSchema.extend({
  size: z.union([size, z.object({ shortest_edge: size }), sides]).optional(),
  crop_size: z.union([size, sides]).nullish(),
  do_center_crop: z.boolean().nullish(),
  /** LLaVA's own image processor makes a square of an image so; that of LLaVA-NeXT means something else. */
  do_pad: z.boolean().nullish(),
});

type Preparation = z.output<typeof preparationSchema>;

/** CLIP's images: the shorter side fits and the middle is cut out; SigLIP's; and whole ones beside their tiles. */
export type Way = 'crop' | 'stretch' | 'tiles';

const wanted: Readonly<Record<Way, string>> = {
  crop: 'a shortest edge and a centre crop',
  stretch: 'a height and a width without a centre crop',
  tiles: 'sides',
};

/**
 * Checks that a processor makes images as vserve's engine does it.
 *
 * Throws `checkpoint_invalid`.
 */
export function checkPreparation(preparation: Preparation, imageSize: number, way: Way): void {
  const { size: side, crop_size: crop, do_center_crop: crops, do_pad: pads } = preparation;
  const fits = (lengths: readonly number[]): boolean => lengths.every((length) => length === imageSize);
  const hasShortest = typeof side === 'number' || (side !== undefined && 'shortest_edge' in side);
  const isCropped = fits(lengthsOf(crop));
  const isSo = {
    crop: hasShortest && crops !== false && pads !== true && isCropped,
    stretch: !hasShortest && crops !== true,
    tiles: isCropped,
  };
  if (fits(lengthsOf(side)) && isSo[way]) return;
  const message = `preprocessor_config.json cannot be converted. size, crop_size, do_pad: only ${wanted[way]} of ${imageSize} fit this vision encoder.`;
  throw new VserveError('checkpoint_invalid', message);
}

function lengthsOf(value: Preparation['size'] | Preparation['crop_size']): number[] {
  if (value === undefined || value === null) return [];
  if (typeof value === 'number') return [value];
  return 'shortest_edge' in value ? [value.shortest_edge] : [value.height, value.width];
}
