import type { ParsedRequest } from '../parsed-request.ts';

/** A chat completion request. */
export interface ChatRequest extends ParsedRequest {
  readonly stream: boolean;
  /** Send usage in a last chunk of a stream. */
  readonly includeUsage: boolean;
}
