import type { ParsedRequest } from '../parsed-request.ts';

/** Where a stream reports its usage: nowhere, in a last chunk, or in every chunk. */
export type StreamUsage = 'none' | 'last' | 'every';

/** A chat completion request. */
export interface ChatRequest extends ParsedRequest {
  readonly stream: boolean;
  readonly streamUsage: StreamUsage;
}
