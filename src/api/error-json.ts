import { z } from 'zod';
import { isCodedError, presentationOf } from '../errors/index.ts';

/** OpenAI's error object: the body of a failed response, or an event of a stream. */
export const errorSchema = z.object({
  error: z.object({ code: z.string(), message: z.string(), param: z.string().nullable(), type: z.string() }),
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
