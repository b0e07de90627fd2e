import { z } from 'zod';
import { tokenLogProbSchema } from '../answer/log-probs.ts';
import { timingsSchema } from '../answer/timings.ts';
import { outputItemSchema, partSchema, responseSchema } from './response-schema.ts';

const sequenceNumber = { sequence_number: z.int() };
const placed = { ...sequenceNumber, item_id: z.string(), output_index: z.int() };
const inContent = { ...placed, content_index: z.int() };
const inSummary = { ...placed, summary_index: z.int() };
const logprobs = z.array(tokenLogProbSchema);
/** llama-server's, with `timings_per_token`. */
const timings = { timings: timingsSchema.optional() };

/** The data of the events of a response. */
export const eventSchema = z.union([
  z.object({
    ...sequenceNumber,
    type: z.enum([
      'response.created',
      'response.queued',
      'response.in_progress',
      'response.completed',
      'response.incomplete',
      'response.failed',
      'response.cancelled',
    ]),
    response: responseSchema,
    prompt_progress: z.object({ total: z.int(), cache: z.int(), processed: z.int(), time_ms: z.number() }).optional(),
    timings: timingsSchema.optional(),
  }),
  z.object({
    ...sequenceNumber,
    type: z.enum(['response.output_item.added', 'response.output_item.done']),
    output_index: z.int(),
    item: outputItemSchema,
  }),
  z.object({
    ...inContent,
    type: z.enum(['response.content_part.added', 'response.content_part.done']),
    part: partSchema,
  }),
  z.object({ ...inContent, type: z.literal('response.output_text.delta'), delta: z.string(), logprobs, ...timings }),
  z.object({ ...inContent, type: z.literal('response.output_text.done'), text: z.string(), logprobs }),
  z.object({ ...inContent, type: z.literal('response.reasoning_text.delta'), delta: z.string(), ...timings }),
  z.object({ ...inContent, type: z.literal('response.reasoning_text.done'), text: z.string() }),
  z.object({
    ...inSummary,
    type: z.enum(['response.reasoning_summary_part.added', 'response.reasoning_summary_part.done']),
    part: partSchema,
  }),
  z.object({ ...inSummary, type: z.literal('response.reasoning_summary_text.delta'), delta: z.string(), ...timings }),
  z.object({ ...inSummary, type: z.literal('response.reasoning_summary_text.done'), text: z.string() }),
  z.object({
    ...placed,
    type: z.enum(['response.function_call_arguments.delta', 'response.custom_tool_call_input.delta']),
    delta: z.string(),
    ...timings,
  }),
  z.object({
    ...placed,
    type: z.literal('response.function_call_arguments.done'),
    name: z.string(),
    arguments: z.string(),
  }),
  z.object({ ...placed, type: z.literal('response.custom_tool_call_input.done'), input: z.string() }),
  z.object({
    ...sequenceNumber,
    type: z.literal('error'),
    code: z.string(),
    message: z.string(),
    param: z.string().nullable(),
  }),
]);
