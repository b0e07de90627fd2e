import { z } from 'zod';

const detail = z.enum(['auto', 'low', 'high', 'original']).nullish();
const url = z.string().min(1).describe('An http, https or data URL of a picture, or its bytes in base64.');
const pixels = z.int().min(1).nullish();
const bounds = { min_pixels: pixels, max_pixels: pixels };
const fileId = z.string().min(1).describe('The id of a file that was uploaded to /v1/files.');
const place = z.union([url, z.object({ url, detail, ...bounds })]);

/** Anthropic's place of an image, for the API's description. */
export const sourceSchema = z.union([
  z.object({ type: z.literal('base64'), data: z.string().min(1), media_type: z.unknown().optional() }),
  z.object({ type: z.literal('url'), url }),
  z.object({ type: z.literal('file'), file_id: fileId }),
]);

/** How a document is shown. */
export const documentOptionsSchema = {
  pages: z
    .union([
      z.string().regex(/^[1-9]\d{0,6}(-([1-9]\d{0,6})?)?$/),
      z.int().min(1),
      z.array(z.int().min(1)).min(1).max(1000),
    ])
    .nullish()
    .describe('The pages to show, counted from 1: all if absent. Several ranges stand between commas.'),
  text_layer: z.boolean().nullish().describe("Put each page's own text behind its picture."),
  detail,
  ...bounds,
};
const file = { ...documentOptionsSchema, filename: z.string().nullish() };
const frameRate = z.number().gt(0).max(120).nullish();
const count = z.int().min(1).max(100_000).nullish();
const sampling = { fps: frameRate, max_frames: count };

const partSchema = z.union([
  z.object({ type: z.enum(['text', 'input_text', 'output_text']), text: z.string() }),
  z.object({ type: z.literal('refusal'), refusal: z.string() }),
  z.object({ type: z.enum(['image_url', 'input_image']), image_url: place, detail, ...bounds }),
  z.object({ type: z.enum(['image_url', 'input_image']), file_id: fileId, detail, ...bounds }),
  z.object({ type: z.literal('image'), image: place }),
  z.object({ type: z.literal('image'), source: sourceSchema }),
  z.object({
    type: z.literal('file'),
    file: z.union([
      z.object({ ...file, file_data: z.string().min(1) }),
      z.object({ ...file, file_url: url }),
      z.object({ ...file, file_id: fileId }),
    ]),
  }),
  z.object({ type: z.literal('input_file'), file_data: z.string().min(1), ...file }),
  z.object({ type: z.literal('input_file'), file_url: url, ...file }),
  z.object({ type: z.literal('input_file'), file_id: fileId, ...file }),
  z.object({ type: z.literal('video_url'), video_url: z.union([url, z.object({ url, ...sampling })]), ...sampling }),
  z.object({
    type: z.literal('input_video'),
    input_video: z.union([url, z.object({ data: z.string().min(1) })]),
    ...sampling,
  }),
  z.object({ type: z.literal('video'), video: url, ...sampling }),
  z.object({ type: z.literal('video'), video: z.array(url).min(1), fps: frameRate }),
]);

/** What `readContent` reads, for the API's description. */
export const contentSchema = z.union([z.string(), z.array(partSchema)]);

/** What `readArguments` reads, for the API's description. */
export const argumentsSchema = z.union([z.string(), z.looseObject({})]);
