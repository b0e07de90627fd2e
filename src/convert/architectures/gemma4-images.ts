import type { z } from 'zod';
import { size } from '../checkpoint/parse-config.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { writeUnlessUsual } from './image-settings.ts';
import { preprocessorSchema } from './vision-parameters.ts';

/** The most tokens of an image: Gemma4ImageProcessor and the models on the Hub have the same. */
const usualTokens = 280;

export const gemma4ImageSchema = preprocessorSchema.extend({ max_soft_tokens: size.max(16_384).default(usualTokens) });

/** Writes the limit of an image's size, unless it is the usual one. A token covers `tokenPixels` pixels. */
export function writeMaxTokens(
  keyValues: KeyValues,
  { max_soft_tokens: tokens }: z.output<typeof gemma4ImageSchema>,
  tokenPixels: number,
): void {
  writeUnlessUsual(keyValues, 'clip.vision.image_max_pixels', tokens * tokenPixels, usualTokens * tokenPixels);
}
