import { z } from 'zod';
import { turnSchema, systemSchema } from './block-schemas.ts';
import { EXAMPLE_PICTURE_BASE64 } from '../request/example-picture.ts';
import { requestSchema } from '../request/request-schema.ts';
import type { RouteSchemas } from '../wire-format.ts';
import { eventSchema, messageSchema } from './answer-schemas.ts';
import { MESSAGES_FIELDS } from './fields.ts';

const read = { messages: z.array(turnSchema).min(1), system: systemSchema.nullish() };

const example = {
  messages: [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'What is in this picture?' },
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: EXAMPLE_PICTURE_BASE64 } },
      ],
    },
  ],
};

/** Anthropic's Messages, for the API's description. */
export const MESSAGES_SCHEMAS: RouteSchemas = {
  summary: "Answer a conversation, in Anthropic's format",
  request: () => requestSchema(MESSAGES_FIELDS, read, ['messages', 'max_tokens']),
  answer: messageSchema,
  event: eventSchema,
  example: { ...example, max_tokens: 100 },
};

/** Anthropic's count of tokens. */
export const COUNT_SCHEMAS: RouteSchemas = {
  summary: "Count the tokens of a conversation, in Anthropic's format",
  request: () => requestSchema(MESSAGES_FIELDS, read, ['messages']),
  answer: z.object({ input_tokens: z.int() }),
  example,
};
