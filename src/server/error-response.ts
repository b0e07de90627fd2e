import { errorJson } from '../api/index.ts';
import { presentationOf, VserveError } from '../errors/index.ts';

/** The HTTP status of an error. */
export function statusOf(error: unknown): number {
  return error instanceof VserveError ? presentationOf(error.code).status : 500;
}

/** The response for an error, in OpenAI's envelope. */
export function errorResponse(error: unknown): Response {
  const status = statusOf(error);
  const headers = new Headers({ 'content-type': 'application/json' });
  if (status === 429) headers.set('retry-after', '1');
  // The remaining bytes of the body would be read as the next request.
  if (status === 408) headers.set('connection', 'close');
  return new Response(JSON.stringify(errorJson(error)), { status, headers });
}
