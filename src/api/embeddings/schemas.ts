import { z } from 'zod';
import { requestSchema } from '../request/request-schema.ts';
import { TOKEN_ID } from '../request/token-text.ts';
import type { RouteSchemas } from '../wire-format.ts';
import { FORM_FIELDS, INPUT_FIELDS, MAX_INPUTS } from './embedding-request.ts';

const one = z.union([z.string(), z.array(z.union([TOKEN_ID, z.string()])).min(1)]);
const input = z.union([one, z.array(one).min(1).max(MAX_INPUTS)]);

/** OpenAI's embeddings, for the API's description. `chat`: of a chat completion, whose fields a conversation may have. */
export function embeddingSchemas(chat: Pick<RouteSchemas, 'request'>): RouteSchemas {
  return {
    summary: 'Embed texts, tokens, or a conversation with its pictures',
    request: () => ({
      anyOf: [
        requestSchema(INPUT_FIELDS, { input, messages: z.null().optional() }, ['input']),
        { allOf: [chat.request(), requestSchema(FORM_FIELDS, {}, [])] },
      ],
    }),
    answer: z.object({
      object: z.literal('list'),
      data: z.array(
        z.object({
          object: z.literal('embedding'),
          index: z.int(),
          embedding: z.union([z.array(z.number()), z.string()]),
        }),
      ),
      model: z.string(),
      usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
    }),
    example: { input: ['A circle.', 'A square.'] },
  };
}
