import { z } from 'zod';
import { imageDetailsSchema } from '../answer/image-details.ts';
import { argumentsSchema, contentSchema } from '../request/content-schema.ts';
import { EXAMPLE_PICTURE_BASE64 } from '../request/example-picture.ts';
import { requestSchema } from '../request/request-schema.ts';
import type { RouteSchemas } from '../wire-format.ts';
import { CHAT_FIELDS, GENERATE_FIELDS } from './fields.ts';

const images = z.array(z.string().min(1)).nullish().describe('Pictures in base64.');
const requestCall = z.object({
  id: z.string().nullish(),
  function: z.object({ name: z.string().min(1), arguments: argumentsSchema.nullish() }),
});
const message = z.union([
  z.object({ role: z.enum(['system', 'user']), content: contentSchema.nullish(), images }),
  z.object({
    role: z.literal('assistant'),
    content: contentSchema.nullish(),
    thinking: z.string().nullish(),
    tool_calls: z.array(requestCall).nullish(),
  }),
  z.object({
    role: z.literal('tool'),
    content: contentSchema.nullish(),
    tool_name: z.string().nullish(),
    tool_call_id: z.string().nullish(),
  }),
]);

const call = z.object({
  id: z.string(),
  function: z.object({ index: z.int(), name: z.string(), arguments: z.looseObject({}) }),
});
const logProb = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.int()) });
const pieces = { thinking: z.string().optional(), tool_calls: z.array(call).optional() };
const durations = {
  total_duration: z.int(),
  load_duration: z.int(),
  prompt_eval_count: z.int(),
  prompt_eval_duration: z.int(),
  eval_count: z.int(),
  eval_duration: z.int(),
};
/** Durations are in nanoseconds. Only the last object of an answer has the numbers. */
const line = {
  model: z.string(),
  created_at: z.string(),
  done: z.boolean(),
  done_reason: z.enum(['stop', 'length', 'load', 'unload']).optional(),
  ...z.object(durations).partial().shape,
  logprobs: z.array(logProb.extend({ top_logprobs: z.array(logProb).optional() })).optional(),
  image_details: z.array(imageDetailsSchema).optional(),
};
const chatLine = z.object({
  ...line,
  message: z.object({ role: z.literal('assistant'), content: z.string(), ...pieces }),
});
const generateLine = z.object({ ...line, response: z.string(), ...pieces });

/** Ollama's `/api/chat`. */
export const CHAT_SCHEMAS: RouteSchemas = {
  summary: "Answer a conversation, in Ollama's format",
  request: () => requestSchema(CHAT_FIELDS, { messages: z.array(message).nullish() }, []),
  answer: chatLine,
  event: chatLine,
  example: {
    messages: [{ role: 'user', content: 'What is in this picture?', images: [EXAMPLE_PICTURE_BASE64] }],
    stream: false,
  },
};

/** Ollama's `/api/generate`. */
export const GENERATE_SCHEMAS: RouteSchemas = {
  summary: "Answer a prompt, in Ollama's format",
  request: () => requestSchema(GENERATE_FIELDS, { images }, []),
  answer: generateLine,
  event: generateLine,
  example: { prompt: 'What is in this picture?', images: [EXAMPLE_PICTURE_BASE64], stream: false },
};
