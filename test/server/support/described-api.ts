import { Ajv2020 } from 'ajv/dist/2020.js';
import { send } from './http.ts';

interface Data {
  readonly contentSchema?: object;
  readonly else?: Data;
}

interface MediaSchema {
  readonly properties?: { readonly data?: Data };
}

interface MediaType {
  /** None for bytes. */
  readonly schema?: MediaSchema;
  readonly example?: object;
}

interface Answer {
  readonly content?: Readonly<Record<string, MediaType>>;
}

export interface Operation {
  readonly requestBody?: { readonly content: Readonly<Record<string, MediaType>> };
  readonly responses: Readonly<Record<string, Answer>>;
  readonly security?: readonly object[];
}

/** An OpenAPI document. */
export interface DescribedApi {
  readonly openapi: string;
  readonly security: readonly object[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Types of streams. */
export const streamTypes: ReadonlySet<string> = new Set(['text/event-stream', 'application/x-ndjson']);

const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { uri: true } });

/** `/openapi.json` of a server. */
export async function describedApi(url: string, headers: Record<string, string> = {}): Promise<DescribedApi> {
  return JSON.parse((await send(`${url}/openapi.json`, { headers })).text) as DescribedApi;
}

/** The example of what an operation takes. */
export function exampleOf({ requestBody }: Operation): object | undefined {
  return requestBody?.content['application/json']?.example;
}

/** What is wrong with an answer: its status, its type, or its body, or the events of its stream. */
export function misfits(
  { responses }: Operation,
  { status, headers, text }: Awaited<ReturnType<typeof send>>,
): unknown[] {
  const answer = responses[String(status)] ?? responses[`${String(status).slice(0, 1)}XX`];
  const type = headers['content-type']?.split(';')[0] ?? '';
  const media = answer?.content?.[type];
  if (media === undefined) return [`${String(status)} ${type} is not described`];
  if (media.schema === undefined) return [];
  const event = streamTypes.has(type) ? dataSchemaOf(media.schema) : undefined;
  return event === undefined
    ? errorsOf(media.schema, JSON.parse(text))
    : eventsOf(text, type).flatMap((data) => errorsOf(event, data));
}

/** Of each event of a stream: the data of a server-sent event is the text of JSON. */
function dataSchemaOf(schema: MediaSchema): object {
  const data = schema.properties?.data;
  return data?.contentSchema ?? data?.else?.contentSchema ?? schema;
}

/** The data of the events of a stream. */
export function eventsOf(text: string, type: string): unknown[] {
  const isLines = type === 'application/x-ndjson';
  const lines = text.split('\n').filter((line) => (isLines ? line !== '' : line.startsWith('data: ')));
  return lines
    .map((line) => (isLines ? line : line.slice('data: '.length)))
    .filter((data) => data !== '[DONE]')
    .map((data) => JSON.parse(data) as unknown);
}

function errorsOf(schema: object, value: unknown): unknown[] {
  const validate = ajv.compile(schema);
  return validate(value)
    ? []
    : [value, ...(validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`)];
}
