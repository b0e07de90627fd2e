import type { JsonObject as PlainObject } from '../../backend/index.ts';
import type { JsonObject } from '../request/json-object.ts';
import type { WireRequest } from '../wire-format.ts';
import type { CallForm } from './tools.ts';

/** What a response repeats of its request, as OpenAI names it. */
export type ResponseEcho = PlainObject;

/** How a response is made of a generation, and what becomes of it. */
export interface ResponseSettings {
  readonly echo: ResponseEcho;
  /** Answer at once, and go on without the client. */
  readonly background: boolean;
  /** Leave out the beginning of a conversation that does not fit into the context. */
  readonly truncates: boolean;
  /** Keep the response for requests that refer to it. */
  readonly store: boolean;
  /** The items of the request itself, each with a type. Long texts are still `LongText`. */
  readonly input: readonly JsonObject[];
  readonly showsReasoning: boolean;
  /** The reasoning stands in the summary of its item instead of its content. */
  readonly summarizesReasoning: boolean;
  /** Reasoning items also have an opaque text that brings them back. */
  readonly sealsReasoning: boolean;
  readonly hasLogProbs: boolean;
  /** Tell llama-server's timings so far in every delta. */
  readonly timingsPerToken: boolean;
  /** Tell what became of each image. */
  readonly imageDetails?: boolean | undefined;
  /** How calls are written, by the name of the tool that the model knows; others are plain functions. */
  readonly callForms: ReadonlyMap<string, CallForm>;
}

/** A request for a response. */
export interface ResponseRequest extends WireRequest {
  readonly answer: ResponseSettings;
}
