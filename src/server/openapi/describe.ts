import type { MiddlewareHandler } from 'hono';
import type { DescribeRouteOptions } from 'hono-openapi';
import { describeRoute } from 'hono-openapi';
import { z } from 'zod';
import type { ErrorFormat, Framing, RouteSchemas } from '../../api/index.ts';
import { jsonSchema, openaiErrors } from '../../api/index.ts';
import { streamHeaders } from '../stream.ts';

type Parameters = NonNullable<DescribeRouteOptions['parameters']>;
type Responses = NonNullable<DescribeRouteOptions['responses']>;

/** How a route differs from others. */
export interface RouteTraits {
  /** How its answer is streamed, where that is asked for. */
  readonly framing?: Framing;
  readonly errors?: ErrorFormat;
  readonly parameters?: Parameters;
  /** Further answers. */
  readonly responses?: Responses;
  /** It needs no API key. */
  readonly isOpen?: boolean;
}

/** Describes a route that takes a body, in the API's description. */
export function describeFormat(
  { summary, request, answer, event, example }: RouteSchemas,
  traits: RouteTraits = {},
): MiddlewareHandler {
  const content = { ...json(answer), ...streamOf(event, traits) };
  return describeRoute({
    summary,
    requestBody: { required: true, content: { 'application/json': { schema: request, example } } },
    ...common({ 200: { description: 'The answer', content } }, traits),
  });
}

/** Describes a route without a body. `event`: of an answer that may be streamed. */
export function describeRead(
  summary: string,
  answer: z.ZodType,
  { event, ...traits }: RouteTraits & { readonly event?: z.ZodType | undefined } = {},
): MiddlewareHandler {
  const content = { ...json(answer), ...streamOf(event, traits) };
  return describeRoute({ summary, ...common({ 200: { description: 'The answer', content } }, traits) });
}

/** Describes a route whose answer has no body. */
export function describeAction(summary: string, traits: RouteTraits = {}): MiddlewareHandler {
  return describeRoute({ summary, ...common({ 200: { description: 'It is done' } }, traits) });
}

/** Describes a route that clients know, and that always fails here. */
export function describeRefusal(summary: string, traits: RouteTraits = {}): MiddlewareHandler {
  return describeRoute({ summary, ...common({}, traits) });
}

/** A parameter in the path, whose values are not empty. */
export function pathParameter(name: string): Parameters[number] {
  return { in: 'path', name, required: true, schema: { type: 'string', minLength: 1 } };
}

/** A parameter that may be absent, in the query or as a header. */
export function optionalParameter(
  place: 'query' | 'header',
  name: string,
  schema: z.ZodType,
  description: string,
): Parameters[number] {
  return { in: place, name, required: false, description, schema: jsonSchema(schema) };
}

export function json(schema: z.ZodType) {
  return { 'application/json': { schema: jsonSchema(schema) } };
}

function common(responses: Responses, traits: RouteTraits): Pick<DescribeRouteOptions, 'responses' | 'parameters'> {
  const { errors = openaiErrors, parameters, responses: further, isOpen = false } = traits;
  return {
    ...(parameters === undefined ? {} : { parameters }),
    ...(isOpen ? { security: [] } : {}),
    responses: { ...responses, ...failures(errors), ...further },
  };
}

/** The data of its events is no part of OpenAPI 3.1: `x-event` has it. A failure is told as an event. */
function streamOf(
  event: z.ZodType | undefined,
  { framing, errors = openaiErrors }: RouteTraits,
): Record<string, object> {
  const type = framing === undefined ? undefined : streamHeaders[framing]['content-type']?.split(';')[0];
  if (event === undefined || type === undefined) return {};
  const schema = { type: 'string', description: 'Events, whose data x-event describes.' };
  return { [type]: { schema, 'x-event': jsonSchema(z.union([event, errors.schema])) } };
}

function failures(errors: ErrorFormat): Responses {
  const content = json(errors.schema);
  return {
    '4XX': { description: 'The request is at fault, or comes at a bad time: the error says how to go on', content },
    '5XX': { description: 'The server is at fault, or not ready', content },
  };
}
