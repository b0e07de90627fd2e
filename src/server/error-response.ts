import type { ErrorFormat } from '../api/index.ts';
import { openaiErrors } from '../api/index.ts';
import { isCodedError, presentationOf } from '../errors/index.ts';
import { acceptedEncodings } from './content-encoding.ts';

/** The HTTP status of an error. */
export function statusOf(error: unknown): number {
  return isCodedError(error) ? presentationOf(error.code).status : 500;
}

/** The response for an error, in the envelope of its format. */
export function errorResponse(error: unknown, format: ErrorFormat = openaiErrors, requestId?: string): Response {
  const status = statusOf(error);
  const headers = new Headers({ 'content-type': 'application/json' });
  if (isCodedError(error) && error.code === 'unsupported_encoding') headers.set('accept-encoding', acceptedEncodings);
  const retryAfterS = isCodedError(error) ? error.retryAfterS : undefined;
  if (status === 429 || retryAfterS !== undefined) headers.set('retry-after', String(retryAfterS ?? 1));
  if (status === 401) headers.set('www-authenticate', 'Bearer realm="vserve"');
  // The remaining bytes of the body would be read as the next request.
  if (status === 408) headers.set('connection', 'close');
  return new Response(JSON.stringify(format.json(error, requestId)), { status, headers });
}
