import type { z } from 'zod';
import type { GenerationEvent } from '../backend/index.ts';
import type { AnswerIdentity } from './answer/identity.ts';
import type { ServedModel } from './model/served-model.ts';
import type { ParsedRequest } from './parsed-request.ts';
import type { ReadOptions } from './request/json-object.ts';
import type { JsonSchema } from './request/request-schema.ts';

/** A request of any wire format. */
export interface WireRequest extends ParsedRequest {
  /** Answer with a stream. */
  readonly stream: boolean;
  /** Tell what became of each image. */
  readonly imageDetails?: boolean | undefined;
}

/**
 * Writes the events of one generation as the texts of a streamed response, framed as they are sent. Synchronous, since it
 * runs for every token.
 */
export interface StreamWriter<Event = GenerationEvent> {
  /** The texts for the next event; often none, or one. */
  of(event: Event): readonly string[];
  /** The texts that end the stream, once the generation has ended. Throws if it has ended without a finish event. */
  end(): readonly string[];
}

/** How a stream is framed: as server-sent events, or as one JSON text a line. */
export type Framing = 'sse' | 'ndjson';

/** What a route takes and gives, for the API's description. */
export interface RouteSchemas {
  readonly summary: string;
  /** Made when it is asked for: it takes a while. */
  readonly request: () => JsonSchema;
  /** The body of an answer. */
  readonly answer: z.ZodType;
  /** The data of each event of a stream; undefined for a route that has none. */
  readonly event?: z.ZodType;
  /** The data of its last event, where that is no JSON. */
  readonly end?: string;
  /** A request. */
  readonly example: object;
}

/** A format of requests and answers: JSON in, JSON out, no state besides that of a stream's writer. */
export interface WireFormat<Request extends WireRequest> {
  /** What ids of answers begin with: `chatcmpl-`. */
  readonly idPrefix: string;
  readonly framing: Framing;
  /** What is sent when a stream was silent for a while, framed; absent it is a comment in an event stream, or nothing. */
  readonly heartbeat?: string;
  /** Reads a body. Throws `invalid_request` or `unsupported_parameter` with the path of the field as `param`. */
  parse(body: unknown, options: ReadOptions): Request;
  /** The body of the answer to a request that needs no generation; undefined for one that does. */
  answerAtOnce?(request: Request): object | undefined;
  /**
   * The generations that a request asks for, where that may be several. Their answers are numbered on, and `start` and
   * `prefilled` have the number of the first.
   */
  generations?(request: Request): readonly Request[];
  /** The body of the answer to a request that is not streamed. Throws what the generation throws. */
  answer(identity: AnswerIdentity, events: AsyncIterable<GenerationEvent>, request: Request): Promise<object>;
  writer(identity: AnswerIdentity, request: Request): StreamWriter;
  readonly errors: ErrorFormat;
  readonly schemas: RouteSchemas;
}

/** A format that is read otherwise for each model. */
export interface ModelFormat<Request extends WireRequest> extends Pick<
  WireFormat<Request>,
  'framing' | 'heartbeat' | 'errors' | 'schemas'
> {
  of(model: ServedModel): WireFormat<Request>;
}

/** How a format tells errors. */
export interface ErrorFormat {
  /** The body of a failed response. */
  json(error: unknown, requestId?: string): object;
  /** Of that body. */
  readonly schema: z.ZodType;
  /** The text in a stream that has begun, framed. */
  text(error: unknown, requestId?: string): string;
}
