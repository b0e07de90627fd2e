import type { JsonObject } from '../request/json-object.ts';
import type { ResponseJson } from './response-json.ts';

/** A response, with what it answers. */
export interface ResponseRecord {
  readonly response: ResponseJson;
  /** The items of its own request, each with a type. Long texts are still `LongText`. */
  readonly input: readonly JsonObject[];
}

/** The responses that a client has stored, for one request of it. */
export interface ResponseArchive {
  /** Whether a response to these items, after the conversation that was asked for, would be kept. */
  hasRoomFor(input: readonly JsonObject[]): boolean;
  /**
   * The items of a whole conversation, up to the output of this response. Throws `previous_response_not_found`,
   * `invalid_request` for a response that has no output yet.
   */
  conversation(responseId: string): readonly JsonObject[];
  /** An item of the input or output of a response, by its id. Throws `response_not_found`, with `path` as its place. */
  item(id: string, path: string): JsonObject;
  /** Keeps a response, as the next of the conversation that was asked for. */
  keep(record: ResponseRecord): void;
}
