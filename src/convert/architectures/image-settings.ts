import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { size } from '../checkpoint/parse-config.ts';
import { uint32 } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { preprocessorSchema } from './vision-parameters.ts';

const bounds = { min_pixels: size.nullish(), max_pixels: size.nullish() };
const edges = { shortest_edge: size.nullish(), longest_edge: size.nullish() };

/** A preprocessor with bounds for an image's area: as `min_pixels` and `max_pixels`, or since transformers 5 as edges. */
export const areaSchema = preprocessorSchema.extend({
  ...bounds,
  size: z.looseObject({ ...edges, ...bounds }).nullish(),
});

/** Limits of an image's area, in pixels. */
export interface Area {
  readonly min: number;
  readonly max: number;
}

/** The bounds of transformers' Qwen2VLImageProcessor. */
export const qwenProcessorArea: Area = { min: 56 * 56, max: 28 * 28 * 1280 };

/**
 * The bounds of a preprocessor; those of its transformers class by default.
 *
 * Throws `checkpoint_invalid` when the least is greater than the greatest.
 */
export function areaOf(images: z.output<typeof areaSchema>, ofClass: Area): Area {
  const { min_pixels, max_pixels, size: nested } = images;
  const min = min_pixels ?? nested?.shortest_edge ?? nested?.min_pixels ?? ofClass.min;
  const max = max_pixels ?? nested?.longest_edge ?? nested?.max_pixels ?? ofClass.max;
  if (min <= max) return { min, max };
  const message = `preprocessor_config.json asks for images of at least ${min} and at most ${max} pixels.`;
  throw new VserveError('checkpoint_invalid', message);
}

/** Writes the bounds that differ from the family's usual ones on the Hub, which are the engine's defaults. */
export function writeArea(keyValues: KeyValues, { min, max }: Area, usual: Area): void {
  writeUnlessUsual(keyValues, 'clip.vision.image_min_pixels', min, usual.min);
  writeUnlessUsual(keyValues, 'clip.vision.image_max_pixels', max, usual.max);
}

/** Writes the limits of the number of tiles in the same way. */
export function writeTiles(keyValues: KeyValues, tiles: Area, usual: Area): void {
  writeUnlessUsual(keyValues, 'clip.vision.preproc_min_tiles', tiles.min, usual.min);
  writeUnlessUsual(keyValues, 'clip.vision.preproc_max_tiles', tiles.max, usual.max);
}

export function writeUnlessUsual(keyValues: KeyValues, key: string, value: number, usual: number): void {
  if (value !== usual) keyValues.set(key, uint32(value));
}

/** More tiles than any model has. */
export const tileCount = size.max(1024);

/**
 * Warnings about settings of a preprocessor that the engine does not follow.
 *
 * @param followed the settings, each with the only value that the engine supports
 */
export function unfollowedSettings(
  images: Readonly<Record<string, unknown>>,
  followed: Readonly<Record<string, unknown>>,
): string[] {
  return Object.entries(followed).flatMap(([setting, value]) => {
    const own = images[setting] ?? value;
    if (own === value) return [];
    const [told, taken] = [own, value].map((one) => JSON.stringify(one));
    return [`preprocessor_config.json: ${setting} is ${told}, but images are prepared as with ${taken}.`];
  });
}
