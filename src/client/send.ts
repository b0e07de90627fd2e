import type { Dispatcher } from 'undici';
import { errorCodes, messageOf, systemErrorCode, VserveError } from '../errors/index.ts';
import type { ErrorCode } from '../errors/index.ts';
import type { Endpoint } from './endpoint.ts';

export interface SendOptions {
  /** Of a POST; without one, it is a GET. */
  readonly body?: object;
  readonly signal: AbortSignal;
}

/**
 * Sends a request to a route of an endpoint (`/chat/completions`), and returns the response if its status is 200. Throws
 * `server_unreachable`, or what the server answered, under its own code if that is one of ours; after an abort, the
 * signal's reason.
 */
export async function send(
  endpoint: Endpoint,
  route: string,
  { body, signal }: SendOptions,
): Promise<Dispatcher.ResponseData> {
  signal.throwIfAborted();
  const { baseUrl, apiKey, dispatcher } = endpoint;
  const { request } = await import('undici');
  const response = await request(baseUrl + route, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    },
    body: body === undefined ? null : JSON.stringify(body),
    signal,
    dispatcher,
  }).catch((error: unknown) => {
    throw connectionError(error, endpoint, signal);
  });
  if (response.statusCode === 200) return response;
  throw refusal(response.statusCode, await response.body.text().catch(() => ''), endpoint);
}

/** The error for a connection that could not be made, or that broke. */
export function connectionError(error: unknown, { name }: Endpoint, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  const code = systemErrorCode(error) ?? '';
  const advice = ['ECONNREFUSED', 'ENOENT'].includes(code)
    ? 'Nothing listens there. Is the server running? vserve ps lists those of this machine.'
    : 'Check the address.';
  const isBroken = code === 'UND_ERR_SOCKET' || code === 'ECONNRESET';
  const message = isBroken
    ? `${name} closed the connection before the answer was complete.`
    : `${name} cannot be reached (${code === '' ? messageOf(error) : code}). ${advice}`;
  return new VserveError('server_unreachable', message, { cause: error });
}

interface ErrorBody {
  readonly error?: { readonly message?: unknown; readonly code?: unknown; readonly param?: unknown } | string;
}

function refusal(status: number, text: string, { name }: Endpoint): VserveError {
  const { error } = parsed(text);
  const { message, code, param } = typeof error === 'object' ? error : { message: error };
  const options = typeof param === 'string' ? { param } : {};
  if (isOurs(code) && typeof message === 'string') return new VserveError(code, message, options);
  const reason = typeof message === 'string' ? message : text.trim().slice(0, 500);
  return new VserveError(codeOf(status), `${name} answered with status ${status}${reason && `: ${reason}`}`, options);
}

/** The error in the middle of a stream. */
export function streamError(error: NonNullable<ErrorBody['error']>, endpoint: Endpoint): VserveError {
  return refusal(500, JSON.stringify({ error }), endpoint);
}

function parsed(text: string): ErrorBody {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? body : {};
  } catch {
    return {};
  }
}

function isOurs(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCodes, code);
}

function codeOf(status: number): ErrorCode {
  if (status === 401 || status === 403) return 'invalid_api_key';
  if (status === 404) return 'route_not_found';
  if (status === 429) return 'at_capacity';
  return status < 500 ? 'invalid_request' : 'generation_failed';
}
