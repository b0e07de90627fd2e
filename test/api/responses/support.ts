import type { ResponseArchive, ResponseRequest } from '../../../src/api/responses/index.ts';
import { parseResponseRequest } from '../../../src/api/responses/index.ts';
import { VserveError } from '../../../src/errors/index.ts';

/** Stores nothing. */
export const noArchive: ResponseArchive = {
  hasRoomFor: () => false,
  conversation: () => {
    throw new VserveError('previous_response_not_found', 'There is none.', { param: 'previous_response_id' });
  },
  item: (_, path) => {
    throw new VserveError('response_not_found', 'There is none.', { param: `${path}.id` });
  },
  keep: () => undefined,
};

/** Parses a request with these fields; `input` is there if it is not given. */
export function parse(fields: object, archive: ResponseArchive = noArchive): ResponseRequest {
  return parseResponseRequest({ input: 'hello', ...fields }, { allowExtraFields: false }, archive);
}

/** `code param` of the error with which a request with these fields is refused. */
export function failureOf(fields: object): string {
  try {
    parse(fields);
  } catch (error) {
    if (error instanceof VserveError) return `${error.code} ${error.param ?? ''}`;
    throw error;
  }
  throw new Error('The request was not refused.');
}
