import { z } from 'zod';
import { usageSchema } from '../answer/usage.ts';
import { requestSchema } from '../request/request-schema.ts';
import type { RouteSchemas } from '../wire-format.ts';
import { CHAT_FIELDS } from './fields.ts';

const imageUrl = z.object({ url: z.string(), detail: z.enum(['auto', 'low', 'high']).optional() });
const part = z.union([
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('image_url'), image_url: z.union([imageUrl, z.string()]) }),
]);
const call = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: z.string() }),
});
const content = z.union([z.string(), z.array(part)]);
const message = z.union([
  z.object({ role: z.enum(['system', 'developer', 'user']), content, name: z.string().optional() }),
  z.object({
    role: z.literal('assistant'),
    content: content.nullish(),
    reasoning_content: z.string().nullish(),
    tool_calls: z.array(call).optional(),
  }),
  z.object({ role: z.literal('tool'), content, tool_call_id: z.string() }),
]);

const logProb = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.number()).nullable() });
const logProbs = z.object({ content: z.array(logProb.extend({ top_logprobs: z.array(logProb) })) });
const finishReason = z.enum(['stop', 'length', 'tool_calls', 'function_call', 'repetition']);
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
      }),
      logprobs: logProbs.nullable(),
      finish_reason: finishReason,
    }),
  ),
  usage: usageSchema,
});

const chunk = z.object({
  ...envelope,
  object: z.literal('chat.completion.chunk'),
  choices: z.array(
    z.object({
      index: z.int(),
      delta: z.looseObject({ content: z.string().optional(), reasoning_content: z.string().optional() }),
      logprobs: logProbs.nullable(),
      finish_reason: finishReason.nullable(),
    }),
  ),
  usage: usageSchema.nullish(),
});

/** Chat Completions, for the API's description. */
export const CHAT_SCHEMAS: RouteSchemas = {
  summary: 'Answer a conversation',
  request: requestSchema(CHAT_FIELDS, { messages: z.array(message).min(1) }, ['messages']),
  answer: completion,
  event: chunk,
  example: {
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is in this picture?' },
          { type: 'image_url', image_url: { url: 'https://example.org/picture.png' } },
        ],
      },
    ],
    max_tokens: 100,
  },
};
