import { z } from 'zod';
import { tokenLogProbSchema } from '../answer/log-probs.ts';
import { timingsSchema } from '../answer/timings.ts';

const status = z.enum(['in_progress', 'completed', 'incomplete']);
const summaryText = z.object({ type: z.literal('summary_text'), text: z.string() });
const reasoningText = z.object({ type: z.literal('reasoning_text'), text: z.string() });
const call = { id: z.string(), status, call_id: z.string(), name: z.string(), namespace: z.string().optional() };

const outputText = z.object({
  type: z.literal('output_text'),
  text: z.string(),
  annotations: z.array(z.unknown()),
  logprobs: z.array(tokenLogProbSchema),
});

/** A part of an item. */
export const partSchema = z.union([outputText, summaryText, reasoningText]);

/** Of `OutputItemJson`. */
export const outputItemSchema = z.union([
  z.object({
    id: z.string(),
    type: z.literal('message'),
    status,
    role: z.literal('assistant'),
    content: z.array(outputText),
  }),
  z.object({
    id: z.string(),
    type: z.literal('reasoning'),
    status,
    summary: z.array(summaryText),
    content: z.array(reasoningText),
    encrypted_content: z.string().optional(),
  }),
  z.object({ ...call, type: z.literal('function_call'), arguments: z.string() }),
  z.object({ ...call, type: z.literal('custom_tool_call'), input: z.string() }),
]);

const usage = z.object({
  input_tokens: z.int(),
  input_tokens_details: z.object({
    cached_tokens: z.int(),
    cache_write_tokens: z.int(),
    image_tokens: z.int().optional(),
  }),
  output_tokens: z.int(),
  output_tokens_details: z.object({ reasoning_tokens: z.int() }),
  total_tokens: z.int(),
});

/** Of `ResponseJson`: with what it repeats of the request. */
export const responseSchema = z.looseObject({
  id: z.string(),
  object: z.literal('response'),
  created_at: z.int(),
  model: z.string(),
  status: z.enum(['queued', 'in_progress', 'completed', 'incomplete', 'failed', 'cancelled']),
  completed_at: z.int().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  incomplete_details: z.object({ reason: z.string() }).nullable(),
  output: z.array(outputItemSchema),
  usage: usage.nullable(),
  timings: timingsSchema.optional(),
  background: z.boolean(),
  store: z.boolean(),
  tools: z.array(z.looseObject({})),
});
