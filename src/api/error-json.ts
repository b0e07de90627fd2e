import { isCodedError, presentationOf } from '../errors/index.ts';

/** OpenAI's error object, as an answer's body and as an event of a stream. */
export interface ErrorJson {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly param: string | null;
    readonly type: string;
  };
}

/** What a client learns of an error. Of one that is not ours it learns nothing but that it happened. */
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
      message: 'The server failed while answering. Its log says more, under the request id.',
      param: null,
      type: 'api_error',
    },
  };
}
