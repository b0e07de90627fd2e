import { z } from 'zod';
import { type CodedError, isCodedError, presentationOf } from '../errors/index.ts';
import { overflowIn } from './context-overflow.ts';

/** OpenAI's error object: the body of a failed response, or an event of a stream. */
export const errorSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    param: z.string().nullable(),
    type: z.string(),
    /** llama-server's, of a prompt that is longer than the context. */
    n_prompt_tokens: z.int().optional(),
    n_ctx: z.int().optional(),
  }),
});

export type ErrorJson = Readonly<z.infer<typeof errorSchema>>;

/** The error a client sees. Errors that are not ours are reported without details. */
export function errorJson(error: unknown): ErrorJson {
  if (isCodedError(error)) {
    const { type } = presentationOf(error.code);
    return {
      error: {
        code: error.code,
        message: error.message,
        param: error.param === '' ? null : (error.param ?? null),
        type,
        ...overflowJson(error),
      },
    };
  }
  return {
    error: {
      code: 'internal_error',
      message: 'The server failed to answer. Its log has the details under the request id.',
      param: null,
      type: 'api_error',
    },
  };
}

function overflowJson({ code, message }: CodedError): Pick<ErrorJson['error'], 'n_prompt_tokens' | 'n_ctx'> {
  const overflow = code === 'context_length_exceeded' ? overflowIn(message) : undefined;
  return overflow === undefined ? {} : { n_prompt_tokens: overflow.promptTokens, n_ctx: overflow.contextLength };
}
