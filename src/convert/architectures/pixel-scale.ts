import { z } from 'zod';
import type { JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig } from '../checkpoint/parse-config.ts';

const scaleSchema = z.looseObject({
  do_normalize: z.boolean().nullish(),
  do_rescale: z.boolean().nullish(),
  rescale_factor: z.number().positive().nullish(),
  image_mean: z.array(z.number()).length(3).nullish(),
  image_std: z.array(z.number().positive()).length(3).nullish(),
});

/** More exact than single precision is. */
const tolerance = 1e-7;

/**
 * Settings of a preprocessor whose `image_mean` and `image_std` alone say what becomes of a pixel: (pixel / 255 − mean) /
 * deviation, which is all that llama.cpp knows. Other factors than 1 / 255, and pixels that are not rescaled or not
 * normalized, come to the same with other numbers.
 *
 * @param normalizes whether the processor's class normalizes unless it is told otherwise
 *
 * Throws `checkpoint_invalid`.
 */
export function withPixelScale(settings: JsonObject, normalizes: boolean): JsonObject {
  const scale = parseConfig(scaleSchema, settings, 'preprocessor_config.json');
  const isNormalized = scale.do_normalize ?? normalizes;
  const factor = scale.do_rescale === false ? 1 : (scale.rescale_factor ?? 1 / 255);
  const brightness = factor * 255;
  const mean = isNormalized ? scale.image_mean : [0, 0, 0];
  const deviation = isNormalized ? scale.image_std : [1, 1, 1];
  if (Math.abs(brightness - 1) < tolerance) return { ...settings, image_mean: mean, image_std: deviation };
  return {
    ...settings,
    image_mean: mean?.map((value) => value / brightness),
    image_std: deviation?.map((value) => value / brightness),
  };
}
