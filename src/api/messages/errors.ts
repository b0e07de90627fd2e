import { z } from 'zod';
import { isCodedError, presentationOf } from '../../errors/index.ts';
import { sseEvent } from '../answer/sse-event.ts';
import { overflowIn } from '../context-overflow.ts';
import { errorJson } from '../error-json.ts';
import type { ErrorFormat } from '../wire-format.ts';

/** Anthropic's types of errors, by the status of the response. */
const TYPES: Readonly<Partial<Record<number, string>>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
};

/** Told so, Anthropic's library goes on with whole conversations. */
const NO_THREADS: MessagesErrorJson['error']['details'] = {
  error_code: 'thread_unsupported_request',
  param: 'thread',
  unsupported: ['thread'],
};

/** Anthropic's envelope. `details` has what OpenAI's clients get as `code` and `param`. */
const schema = z.object({
  type: z.literal('error'),
  error: z.object({
    type: z.string(),
    message: z.string(),
    details: z.object({
      error_code: z.string(),
      param: z.string().nullable(),
      unsupported: z.array(z.literal('thread')).optional(),
    }),
  }),
  request_id: z.string().nullable(),
});

export type MessagesErrorJson = z.infer<typeof schema>;

export const messagesErrors: ErrorFormat = {
  json: messagesErrorJson,
  schema,
  text: (error, requestId) => sseEvent(JSON.stringify(messagesErrorJson(error, requestId)), 'error'),
};

function messagesErrorJson(error: unknown, requestId?: string): MessagesErrorJson {
  const { code, message, param } = errorJson(error).error;
  const status = isCodedError(error) ? presentationOf(error.code).status : 500;
  return {
    type: 'error',
    error: {
      type: TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error'),
      message: code === 'context_length_exceeded' ? tooLong(message) : message,
      details: param === 'thread' ? NO_THREADS : { error_code: code, param },
    },
    request_id: requestId ?? null,
  };
}

/** Agents tell this error by Anthropic's words, and shorten their conversation by the numbers in it. */
function tooLong(message: string): string {
  const overflow = overflowIn(message);
  const numbers =
    overflow === undefined
      ? ''
      : `: ${String(overflow.promptTokens)} tokens > ${String(overflow.contextLength)} maximum`;
  return `prompt is too long${numbers}. ${message}`;
}
