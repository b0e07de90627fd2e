import { z } from 'zod';
import { tokenLogProbSchema } from '../answer/log-probs.ts';
import { imageDetailsSchema } from '../answer/image-details.ts';
import { timingsSchema } from '../answer/timings.ts';
import { usageSchema } from '../answer/usage.ts';
import { argumentsSchema, contentSchema } from '../request/content-schema.ts';
import { EXAMPLE_PICTURE } from '../request/example-picture.ts';
import { requestSchema } from '../request/request-schema.ts';
import type { RouteSchemas } from '../wire-format.ts';
import { CHAT_FIELDS } from './fields.ts';

const requestCall = z.object({
  id: z.string().min(1),
  type: z.literal('function').nullish(),
  function: z.object({ name: z.string().min(1), arguments: argumentsSchema.nullish() }),
});
const message = z.union([
  z.object({
    role: z.enum(['system', 'developer', 'user']),
    content: contentSchema.nullish(),
    name: z.string().nullish(),
  }),
  z.object({
    role: z.literal('assistant'),
    content: contentSchema.nullish(),
    reasoning_content: z.string().nullish(),
    tool_calls: z.array(requestCall).nullish(),
  }),
  z.object({ role: z.literal('tool'), content: contentSchema.nullish(), tool_call_id: z.string().min(1) }),
]);

const functionCall = z.object({ name: z.string(), arguments: z.string() });
const call = z.object({ id: z.string(), type: z.literal('function'), function: functionCall });
const logProbs = z.object({ content: z.array(tokenLogProbSchema), refusal: z.null() });
const finishReason = z.enum(['stop', 'length', 'tool_calls', 'function_call', 'repetition']);
const stopReason = z.union([z.string(), z.int()]).optional();
const imageDetails = z.array(imageDetailsSchema).optional();
const envelope = {
  id: z.string(),
  created: z.int(),
  model: z.string(),
  system_fingerprint: z.string(),
};

const completion = z.object({
  ...envelope,
  object: z.literal('chat.completion'),
  choices: z.array(
    z.object({
      index: z.int(),
      message: z.object({
        role: z.literal('assistant'),
        content: z.string().nullable(),
        reasoning_content: z.string().optional(),
        refusal: z.null(),
        tool_calls: z.array(call).optional(),
        function_call: functionCall.optional(),
      }),
      logprobs: logProbs.nullable(),
      finish_reason: finishReason,
      stop_reason: stopReason,
    }),
  ),
  usage: usageSchema,
  timings: timingsSchema,
  image_details: imageDetails,
});

const callDelta = z.object({
  index: z.int(),
  id: z.string().optional(),
  type: z.literal('function').optional(),
  function: functionCall.partial({ name: true }),
});

const chunk = z.object({
  ...envelope,
  object: z.literal('chat.completion.chunk'),
  choices: z.array(
    z.object({
      index: z.int(),
      delta: z.object({
        role: z.literal('assistant').optional(),
        content: z.string().optional(),
        reasoning_content: z.string().optional(),
        tool_calls: z.array(callDelta).optional(),
        function_call: functionCall.partial().optional(),
      }),
      logprobs: logProbs.nullable(),
      finish_reason: finishReason.nullable(),
      stop_reason: stopReason,
    }),
  ),
  usage: usageSchema.partial({ prompt_tokens_details: true, completion_tokens_details: true }).nullish(),
  timings: timingsSchema.optional(),
  image_details: imageDetails,
  prompt_progress: z.object({ total: z.int(), cache: z.int(), processed: z.int(), time_ms: z.number() }).optional(),
});

const chatRequest = () => requestSchema(CHAT_FIELDS, { messages: z.array(message).min(1) }, ['messages']);

/** Chat Completions, for the API's description. */
export const CHAT_SCHEMAS: RouteSchemas = {
  summary: 'Answer a conversation',
  request: chatRequest,
  answer: completion,
  event: chunk,
  end: '[DONE]',
  example: {
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is in this picture?' },
          { type: 'image_url', image_url: { url: EXAMPLE_PICTURE } },
        ],
      },
    ],
    max_tokens: 100,
  },
};
