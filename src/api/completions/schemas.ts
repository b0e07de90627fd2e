import { z } from 'zod';
import { IMAGE_MARKER } from '../../backend/index.ts';
import { imageDetailsSchema } from '../answer/image-details.ts';
import { timingsSchema } from '../answer/timings.ts';
import { usageSchema } from '../answer/usage.ts';
import { EXAMPLE_PICTURE } from '../request/example-picture.ts';
import { requestSchema } from '../request/request-schema.ts';
import { TOKEN_ID } from '../request/token-text.ts';
import type { RouteSchemas } from '../wire-format.ts';
import { COMPLETION_FIELDS } from './fields.ts';
import { MAX_PROMPTS } from './prompts.ts';

const tokens = z.array(z.union([TOKEN_ID, z.string()])).min(1);
const withImages = z.object({
  prompt_string: z.string().describe(`A text, with ${IMAGE_MARKER} where each picture stands.`),
  multimodal_data: z.array(z.string().min(1)).nullish().describe('Pictures in base64, bare or as data URLs.'),
});
const prompt = z.union([z.string(), tokens, withImages]);
export const promptsSchema = z.union([prompt, z.array(prompt).min(1).max(MAX_PROMPTS)]);

const logProbs = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(z.number().nullable()),
  top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
  text_offset: z.array(z.int()),
});
const finishReason = z.enum(['stop', 'length', 'tool_calls', 'repetition']);
const choice = z.object({
  index: z.int(),
  text: z.string(),
  logprobs: logProbs.nullable(),
  finish_reason: finishReason.nullable(),
  stop_reason: z.union([z.string(), z.int()]).optional(),
});
const completion = z.object({
  id: z.string(),
  object: z.literal('text_completion'),
  created: z.int(),
  model: z.string(),
  choices: z.array(choice),
  usage: usageSchema,
  system_fingerprint: z.string(),
  timings: timingsSchema,
  image_details: z.array(imageDetailsSchema).optional(),
});

/** OpenAI's legacy Completions, for the API's description. */
export const COMPLETION_SCHEMAS: RouteSchemas = {
  summary: 'Continue a text',
  request: () => requestSchema(COMPLETION_FIELDS, { prompt: promptsSchema }, ['prompt']),
  answer: completion,
  event: completion.extend({
    usage: usageSchema.partial({ prompt_tokens_details: true, completion_tokens_details: true }).nullish(),
    timings: timingsSchema.optional(),
    prompt_progress: z.object({ total: z.int(), cache: z.int(), processed: z.int(), time_ms: z.number() }).optional(),
  }),
  end: '[DONE]',
  example: {
    prompt: {
      prompt_string: `A picture: ${IMAGE_MARKER} Its caption:`,
      multimodal_data: [EXAMPLE_PICTURE],
    },
    max_tokens: 100,
  },
};
