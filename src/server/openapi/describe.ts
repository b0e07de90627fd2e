import type { MiddlewareHandler } from 'hono';
import type { DescribeRouteOptions } from 'hono-openapi';
import { describeRoute } from 'hono-openapi';
import { z } from 'zod';
import type { ErrorFormat, Framing, JsonSchema, RouteSchemas } from '../../api/index.ts';
import { jsonSchema, openaiErrors } from '../../api/index.ts';
import { IMAGE_DETAILS_HEADER } from '../image-details-header.ts';
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
  { summary, request, answer, event, end, example }: RouteSchemas,
  traits: RouteTraits = {},
): MiddlewareHandler {
  const generates = traits.framing !== undefined;
  return describeLazily(summary, () => ({
    requestBody: { required: true, content: { 'application/json': { schema: request(), example } } },
    ...common(answered(answer, { event, end }, traits), generates ? withImageHeader(traits) : traits),
  }));
}

/** Describes a route that takes a form with a file. */
export function describeUpload(
  summary: string,
  form: z.ZodType,
  answer: z.ZodType,
  traits: RouteTraits = {},
): MiddlewareHandler {
  return describeLazily(summary, () => ({
    requestBody: { required: true, content: { 'multipart/form-data': { schema: jsonSchema(form) } } },
    ...common(answered(answer, { event: undefined }, traits), traits),
  }));
}

/** Describes a route that answers with the bytes of a file. */
export function describeDownload(summary: string, traits: RouteTraits = {}): MiddlewareHandler {
  const content = { 'application/octet-stream': {} };
  return describeLazily(summary, () => common({ 200: { description: 'The file', content } }, traits));
}

/** Describes a route without a body. `event`: of an answer that may be streamed. */
export function describeRead(
  summary: string,
  answer: z.ZodType,
  { event, ...traits }: RouteTraits & { readonly event?: z.ZodType | undefined } = {},
): MiddlewareHandler {
  return describeLazily(summary, () => common(answered(answer, { event }, traits), traits));
}

/** Describes a route whose answer has no body. */
export function describeAction(summary: string, traits: RouteTraits = {}): MiddlewareHandler {
  return describeLazily(summary, () => common({ 200: { description: 'It is done' } }, traits));
}

/** Describes a route that clients know, and that always fails here. */
export function describeRefusal(summary: string, traits: RouteTraits = {}): MiddlewareHandler {
  return describeLazily(summary, () => common({}, traits));
}

/** The rest is made when the description is asked for: the schemas of all routes take longer than a server's start. */
function describeLazily(summary: string, describe: () => DescribeRouteOptions): MiddlewareHandler {
  let made: DescribeRouteOptions | undefined;
  const spec: DescribeRouteOptions = { summary };
  for (const key of ['requestBody', 'parameters', 'security', 'responses'] as const) {
    Object.defineProperty(spec, key, { enumerable: true, get: () => (made ??= describe())[key] });
  }
  return describeRoute(spec);
}

function answered(answer: z.ZodType, stream: Stream, traits: RouteTraits): Responses {
  return { 200: { description: 'The answer', content: { ...json(answer), ...streamOf(stream, traits) } } };
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

function withImageHeader(traits: RouteTraits): RouteTraits {
  const told = 'What became of each image stands in the answer, or at the end of the stream.';
  const header = optionalParameter('header', IMAGE_DETAILS_HEADER, z.enum(['0', '1']), told);
  return { ...traits, parameters: [...(traits.parameters ?? []), header] };
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

interface Stream {
  readonly event: z.ZodType | undefined;
  readonly end?: string | undefined;
}

/** A stream by what each of its events, or lines, is: it may tell of a failure. */
function streamOf({ event, end }: Stream, { framing, errors = openaiErrors }: RouteTraits): Record<string, object> {
  const type = framing === undefined ? undefined : streamHeaders[framing]['content-type']?.split(';')[0];
  if (event === undefined || type === undefined) return {};
  const data = jsonSchema(z.union([event, errors.schema]));
  return { [type]: { schema: framing === 'sse' ? eventSchema(data, end) : data } };
}

function eventSchema(data: JsonSchema, end: string | undefined): JsonSchema {
  const json = { contentMediaType: 'application/json', contentSchema: data };
  const content = end === undefined ? json : { if: { const: end }, else: json };
  return {
    type: 'object',
    description: 'An event.',
    properties: { event: { type: 'string' }, data: { type: 'string', ...content } },
    required: ['data'],
  };
}

function failures(errors: ErrorFormat): Responses {
  const content = json(errors.schema);
  return {
    '4XX': { description: 'The request is at fault, or comes at a bad time: the error says how to go on', content },
    '5XX': { description: 'The server is at fault, or not ready', content },
  };
}
