import { z } from 'zod';
import { requestSchema } from '../request/request-schema.ts';
import type { RouteSchemas } from '../wire-format.ts';
import { DETOKENIZE_FIELDS } from './detokenize-request.ts';
import { FORM_FIELDS, TEXT_FIELDS } from './tokenize-request.ts';

const id = z.int();

/** OpenAI's count of input tokens. */
export const inputTokensSchema = z.object({ object: z.literal('response.input_tokens'), input_tokens: z.int() });

type Conversation = Pick<RouteSchemas, 'request' | 'example'>;

/** `chat`: of a chat completion, as are those of the others. */
export function inputTokensSchemas({ request, example }: Conversation): RouteSchemas {
  return { summary: 'Count the tokens of a conversation', request, answer: inputTokensSchema, example };
}

export function templateSchemas({ request, example }: Conversation): RouteSchemas {
  const answer = z.object({ prompt: z.string() });
  return { summary: "Write a conversation as the model's prompt", request, answer, example };
}

/** Of a text, or of a conversation: then with all fields of a chat completion. */
export function tokenizeSchemas(chat: Conversation): RouteSchemas {
  return {
    summary: 'Split a text, or the prompt of a conversation, into tokens',
    request: () => ({
      anyOf: [
        requestSchema(TEXT_FIELDS, { messages: z.null().optional() }, []),
        { allOf: [chat.request(), requestSchema(FORM_FIELDS, {}, [])] },
      ],
    }),
    answer: z.object({
      tokens: z.union([z.array(id), z.array(z.object({ id, piece: z.union([z.string(), z.array(z.int())]) }))]),
      count: z.int(),
      max_model_len: z.int(),
      token_strs: z.array(z.string()).optional(),
    }),
    example: { content: 'A text.' },
  };
}

export const DETOKENIZE_SCHEMAS: RouteSchemas = {
  summary: 'The text of tokens',
  request: () => requestSchema(DETOKENIZE_FIELDS, {}, []),
  answer: z.object({ content: z.string(), prompt: z.string() }),
  example: { tokens: [0, 1] },
};
