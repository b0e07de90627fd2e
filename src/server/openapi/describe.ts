import { describeRoute } from 'hono-openapi';
import type { MiddlewareHandler } from 'hono';
import type { z } from 'zod';
import type { ErrorFormat, Framing, RouteSchemas } from '../../api/index.ts';
import { jsonSchema, openaiErrors } from '../../api/index.ts';
import { streamHeaders } from '../stream.ts';

/** Describes a route that takes a body, in the API's description. */
export function describeFormat(
  schemas: RouteSchemas,
  { framing, errors = openaiErrors }: { readonly framing?: Framing; readonly errors?: ErrorFormat } = {},
): MiddlewareHandler {
  const { summary, request, answer, event, example } = schemas;
  const streamType = framing === undefined ? undefined : streamHeaders[framing]['content-type']?.split(';')[0];
  return describeRoute({
    summary,
    requestBody: {
      required: true,
      content: { 'application/json': { schema: request, example } },
    },
    responses: {
      200: {
        description: 'The answer',
        content: {
          ...json(answer),
          ...(event === undefined || streamType === undefined
            ? {}
            : { [streamType]: { schema: { type: 'string', description: 'Events' }, 'x-event': jsonSchema(event) } }),
        },
      },
      ...failures(errors),
    },
  });
}

/** Describes a route without a body. */
export function describeRead(
  summary: string,
  answer: z.ZodType,
  errors: ErrorFormat = openaiErrors,
): MiddlewareHandler {
  return describeRoute({
    summary,
    responses: { 200: { description: 'The answer', content: json(answer) }, ...failures(errors) },
  });
}

function failures(errors: ErrorFormat) {
  const content = json(errors.schema);
  return {
    '4XX': { description: 'The request is at fault, or comes at a bad time: the error says how to go on', content },
    '5XX': { description: 'The server is at fault, or not ready', content },
  };
}

function json(schema: z.ZodType) {
  return { 'application/json': { schema: jsonSchema(schema) } };
}
