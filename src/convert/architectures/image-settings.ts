import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { size } from '../checkpoint/parse-config.ts';
import { bool, uint32 } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { filters, isKnownSetting } from './image-processors.ts';
import type { ImageProcessor } from './image-processors.ts';
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

type ImageSettings = Readonly<Record<string, unknown>> &
  Pick<z.output<typeof preprocessorSchema>, 'do_resize' | 'resample'>;

/** Writes the settings that any processor may have, where they are not the engine's own. */
export function writeImageSettings(keyValues: KeyValues, images: ImageSettings, processor: ImageProcessor): void {
  if (processor.resize === 'followed' && images.do_resize === false) keyValues.set('vserve.image.resize', bool(false));
  const { filter } = processor;
  if (filter === undefined) return;
  const own = filterOf(images, filter);
  if (own !== undefined) writeUnlessUsual(keyValues, 'vserve.image.resample', own, filter.engine);
}

/** Undefined for one that the engine does not have. */
function filterOf(images: ImageSettings, { ofClass }: { readonly ofClass: number }): number | undefined {
  return Object.values(filters).find((number) => number === (images.resample ?? ofClass));
}

/**
 * Warnings about settings of a preprocessor that the engine does not follow, and about those that nobody here knows.
 *
 * @param only settings, each with the one value that the engine supports
 */
export function imageWarnings(
  images: ImageSettings,
  processor: ImageProcessor,
  only: Readonly<Record<string, unknown>> = {},
): string[] {
  const unknown = Object.keys(images).filter((name) => isSet(images[name]) && !isKnownSetting(name, processor));
  const { filter } = processor;
  return [
    ...unfollowedSettings(images, {
      ...(processor.resize === 'reported' ? { do_resize: true } : {}),
      ...(filter !== undefined && filterOf(images, filter) === undefined ? { resample: filter.engine } : {}),
      ...only,
    }),
    ...unknown.map((name) => {
      const told = JSON.stringify(images[name]).slice(0, 100);
      return `preprocessor_config.json: ${name}, which is ${told}, is not a setting that is known for this model: images are prepared without it.`;
    }),
  ];
}

/** Warnings about settings that have another value than the only one that is supported. */
export function unfollowedSettings(
  images: Readonly<Record<string, unknown>>,
  only: Readonly<Record<string, unknown>>,
): string[] {
  return Object.entries(only).flatMap(([setting, value]) => {
    const own = images[setting];
    if (!isSet(own) || isSame(own, value)) return [];
    const [told, taken] = [own, value].map((one) => JSON.stringify(one));
    return [`preprocessor_config.json: ${setting} is ${told}, but images are prepared as with ${taken}.`];
  });
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** The size of a square can be one number, or the same for each of its sides. */
function isSame(own: unknown, value: unknown): boolean {
  if (typeof value !== 'number' || typeof own !== 'object' || own === null) {
    return JSON.stringify(own) === JSON.stringify(value);
  }
  const sides = Object.values(own).filter(isSet);
  return sides.length > 0 && sides.every((side) => side === value);
}
