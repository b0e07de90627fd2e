import type { MiddlewareHandler } from 'hono';
import { openaiErrors } from '../api/index.ts';
import { messagesErrors } from '../api/messages/index.ts';
import type { RequestContext } from './access-log.ts';
import { errorFormatOf, isForAnthropic } from './error-formats.ts';

/**
 * Adds the headers in which the libraries of OpenAI and Anthropic look for the request's id and the time that the server
 * took until it answered.
 */
export const responseHeaders: MiddlewareHandler<RequestContext> = async (context, next) => {
  const startedAt = performance.now();
  await next();
  const { path } = context.req;
  const format = errorFormatOf(path);
  if (format === messagesErrors || isForAnthropic(context.req.raw.headers)) {
    context.header('request-id', context.get('requestId'));
  } else if (format === openaiErrors && path.startsWith('/v1/')) {
    context.header('openai-processing-ms', String(Math.round(performance.now() - startedAt)));
  }
};
