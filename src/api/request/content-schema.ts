import { z } from 'zod';

const detail = z.enum(['auto', 'low', 'high', 'original']).nullish();
const url = z.string().min(1).describe('An http, https or data URL of a picture, or its bytes in base64.');
const pixels = z.int().min(1).nullish();
const bounds = { min_pixels: pixels, max_pixels: pixels };
const place = z.union([url, z.object({ url, detail, ...bounds })]);

/** Anthropic's place of an image, for the API's description. */
export const sourceSchema = z.union([
  z.object({ type: z.literal('base64'), data: z.string().min(1), media_type: z.unknown().optional() }),
  z.object({ type: z.literal('url'), url }),
]);

const partSchema = z.union([
  z.object({ type: z.enum(['text', 'input_text', 'output_text']), text: z.string() }),
  z.object({ type: z.literal('refusal'), refusal: z.string() }),
  z.object({ type: z.enum(['image_url', 'input_image']), image_url: place, detail, ...bounds }),
  z.object({ type: z.literal('image'), image: place }),
  z.object({ type: z.literal('image'), source: sourceSchema }),
  z.object({ type: z.literal('input_file'), file_data: z.string(), filename: z.unknown().optional() }),
]);

/** What `readContent` reads, for the API's description. */
export const contentSchema = z.union([z.string(), z.array(partSchema)]);

/** What `readArguments` reads, for the API's description. */
export const argumentsSchema = z.union([z.string(), z.looseObject({})]);
