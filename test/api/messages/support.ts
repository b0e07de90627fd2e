import type { MessagesRequest } from '../../../src/api/messages/index.ts';
import { parseMessagesRequest } from '../../../src/api/messages/index.ts';
import { VserveError } from '../../../src/errors/index.ts';

export const hello = [{ role: 'user', content: 'hello' }];

/** Parses a request with these fields; `messages` and `max_tokens` are there if they are not given. */
export function parse(fields: object, allowExtraFields = false): MessagesRequest {
  return parseMessagesRequest({ messages: hello, max_tokens: 100, ...fields }, { allowExtraFields });
}

/** The code and param with which a request with these fields is refused. */
export function failureOf(fields: object): VserveError {
  try {
    parse(fields);
  } catch (error) {
    if (error instanceof VserveError) return error;
    throw error;
  }
  throw new Error('The request was not refused.');
}
