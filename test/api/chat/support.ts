import type { ChatRequest } from '../../../src/api/chat/index.ts';
import { parseChatRequest } from '../../../src/api/chat/index.ts';
import { VserveError } from '../../../src/errors/index.ts';

export const hello = [{ role: 'user', content: 'hello' }];

/** Parses a request with these fields; `messages` is there if it is not given. */
export function parse(fields: object): ChatRequest {
  return parseChatRequest({ messages: hello, ...fields }, { allowExtraFields: false });
}

/** The error with which a request with these fields is refused. */
export function failureOf(fields: object): VserveError {
  try {
    parse(fields);
  } catch (error) {
    if (error instanceof VserveError) return error;
    throw error;
  }
  throw new Error('The request was not refused.');
}
