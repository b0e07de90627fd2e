import { z } from 'zod';
import { imageDetailsSchema } from '../answer/image-details.ts';
import { tokenLogProbSchema } from '../answer/log-probs.ts';
import { timingsSchema } from '../answer/timings.ts';
import { requestSchema } from '../request/request-schema.ts';
import type { RouteSchemas } from '../wire-format.ts';
import { LLAMA_FIELDS } from './llama-request.ts';
import { promptsSchema } from './schemas.ts';

const common = {
  index: z.int(),
  content: z.string(),
  tokens: z.array(z.int()).describe('Ids, in a stream and with return_tokens.'),
  id_slot: z.literal(-1),
  tokens_predicted: z.int(),
  tokens_evaluated: z.int(),
  completion_probabilities: z.array(tokenLogProbSchema).optional(),
};
const piece = z.object({
  ...common,
  stop: z.literal(false),
  timings: timingsSchema.optional(),
  prompt_progress: z.object({ total: z.int(), cache: z.int(), processed: z.int(), time_ms: z.number() }).optional(),
});
/** With `response_fields`, of any of these only. */
const answer = z
  .object({
    ...common,
    stop: z.literal(true),
    model: z.string(),
    generation_settings: z.record(z.string(), z.unknown()),
    prompt: z.string().describe('Empty for a prompt of tokens or images.'),
    has_new_line: z.boolean(),
    truncated: z.boolean(),
    stop_type: z.enum(['eos', 'word', 'limit']),
    stopping_word: z.string(),
    tokens_cached: z.int(),
    timings: timingsSchema,
    image_details: z.array(imageDetailsSchema).optional(),
  })
  .partial();

/** llama-server's own completion, for the API's description. */
export const LLAMA_SCHEMAS: RouteSchemas = {
  summary: "Continue a text: llama-server's own completion",
  request: () => requestSchema(LLAMA_FIELDS, { prompt: promptsSchema }, ['prompt']),
  answer: z.union([answer, z.array(answer)]),
  event: z.union([piece, answer]),
  example: { prompt: 'Once upon a time', n_predict: 16 },
};
