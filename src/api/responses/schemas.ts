import { z } from 'zod';
import { argumentsSchema, contentSchema } from '../request/content-schema.ts';
import { EXAMPLE_PICTURE } from '../request/example-picture.ts';
import { requestSchema } from '../request/request-schema.ts';
import type { RouteSchemas } from '../wire-format.ts';
import { eventSchema } from './event-schema.ts';
import { RESPONSE_FIELDS } from './fields.ts';
import { responseSchema } from './response-schema.ts';

const name = z.string().min(1);
const text = z.string();
const call = { call_id: name, name, namespace: z.string().nullish() };
const item = z.union([
  z.object({
    type: z.literal('message').nullish(),
    role: z.enum(['system', 'developer', 'user', 'assistant']),
    content: contentSchema.nullish(),
  }),
  z.object({ ...call, type: z.literal('function_call'), arguments: argumentsSchema.nullish() }),
  z.object({ ...call, type: z.literal('custom_tool_call'), input: z.string().nullish() }),
  z.object({
    type: z.enum(['function_call_output', 'custom_tool_call_output']),
    call_id: name,
    output: contentSchema,
  }),
  z.object({
    type: z.literal('reasoning'),
    content: z.array(z.object({ type: z.literal('reasoning_text'), text })).nullish(),
    summary: z.array(z.object({ type: z.literal('summary_text'), text })).nullish(),
    encrypted_content: z.string().nullish(),
  }),
  z.object({ type: z.literal('item_reference').nullish(), id: name }),
]);

const request = () => requestSchema(RESPONSE_FIELDS, { input: z.union([z.string(), z.array(item)]) }, ['input']);
const example = {
  input: [
    {
      role: 'user',
      content: [
        { type: 'input_text', text: 'What is in this picture?' },
        { type: 'input_image', image_url: EXAMPLE_PICTURE },
      ],
    },
  ],
};

/** OpenAI's Responses, for the API's description. */
export const RESPONSE_SCHEMAS: RouteSchemas = {
  summary: 'Create a response',
  request,
  answer: responseSchema,
  event: eventSchema,
  example: { ...example, max_output_tokens: 100 },
};

/** Of what counts a response's input tokens, and gives `answer`. */
export function responseCountSchemas(answer: z.ZodType): RouteSchemas {
  return { summary: "Count the tokens of a response's input", request, answer, example };
}

export const deletedResponseSchema = z.object({
  id: z.string(),
  object: z.literal('response'),
  deleted: z.literal(true),
});

/** A page of the items that a response answers. */
export const itemPageSchema = z.object({
  object: z.literal('list'),
  data: z.array(z.looseObject({ type: z.string() })),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});
