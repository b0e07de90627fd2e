import { errorCodes, VserveError } from '../../../src/errors/index.ts';
import type { ErrorCode } from '../../../src/errors/index.ts';
import type { JsonAnswer } from '../upstream-client.ts';
import { UpstreamFailure } from '../upstream-failure.ts';

/** Longer messages are cut. */
const MAX_MESSAGE_CHARACTERS = 2000;
const DEFAULT_RETRY_S = 1;
const LONGEST_RETRY_S = 3600;
/** As vLLM, SGLang, llama-server and OpenAI say it. */
const TOO_LONG =
  /maximum context length|exceeds? the available context|context_length|longer than the model's context/i;

/** The error of a response, in the words of OpenAI's API; older servers have it without its envelope. */
interface ErrorJson {
  readonly message: string;
  readonly code: string;
  readonly type: string;
  readonly param: string | undefined;
  /** The HTTP status, where it is given in place of a code or as one. */
  readonly status: number | undefined;
}

/** Where an error came from. */
export interface ErrorSource {
  /** Its name for the log. */
  readonly upstream: string;
  /** The client's name of a path in our request. */
  readonly paramOf: (path: string) => string | undefined;
}

/** What a status other than 2xx means. */
export function responseFailure({ status, headers, text, body }: JsonAnswer, source: ErrorSource): UpstreamFailure {
  const { upstream } = source;
  const error = errorJsonOf(body) ?? bareError(status, body === undefined ? text : '');
  const detail = `${upstream}: HTTP ${String(status)} ${error.message}`;
  const retryAfterS = retryAfterOf(headers['retry-after']);
  if (status === 429 || (status === 503 && retryAfterS !== undefined)) {
    const options = { detail, retryAfterS: retryAfterS ?? DEFAULT_RETRY_S };
    return error.code === 'shutting_down' ? ending(options) : busy(options);
  }
  const code = clientCode(status, error);
  if (code !== undefined) return refused(code, error, source);
  return new UpstreamFailure(new VserveError('upstream_failed', faultMessage(status), { detail }), {
    reason: 'status',
    mayRetry: false,
  });
}

/** An error of the request, in the upstream's words. */
function refused(code: ErrorCode, { message, param: path }: ErrorJson, { upstream, paramOf }: ErrorSource) {
  const param = path === undefined ? undefined : paramOf(path);
  const options = { detail: `${upstream}: ${message}`, ...(param === undefined ? {} : { param }) };
  return new UpstreamFailure(new VserveError(code, message, options), { reason: 'refused', mayRetry: false });
}

interface RetryOptions {
  readonly detail: string;
  readonly retryAfterS: number;
}

function busy(options: RetryOptions): UpstreamFailure {
  const error = new VserveError('at_capacity', 'Server is at capacity. Please retry later.', options);
  return new UpstreamFailure(error, { reason: 'busy', mayRetry: true });
}

/** As another vserve says it. */
function ending(options: RetryOptions): UpstreamFailure {
  const message = 'The server behind this one is shutting down. Please retry later.';
  return new UpstreamFailure(new VserveError('upstream_unavailable', message, options), {
    reason: 'ending',
    mayRetry: true,
  });
}

/** An error in a stream. vLLM and SGLang begin one before they look at all of the request, and refuse it there. */
export function streamFailure(body: unknown, source: ErrorSource): UpstreamFailure {
  const error = errorJsonOf(body);
  const code = error === undefined ? undefined : streamCode(error);
  if (error !== undefined && code !== undefined) return refused(code, error, source);
  const detail = `${source.upstream}: ${error?.message ?? 'no message'}`;
  const failure = new VserveError('upstream_failed', 'The server behind this one broke off its answer.', { detail });
  return new UpstreamFailure(failure, { reason: 'broken', mayRetry: false });
}

function streamCode(error: ErrorJson): ErrorCode | undefined {
  if (isOurs(error.code)) return errorCodes[error.code].status < 500 ? error.code : undefined;
  if (error.status === 429) return 'at_capacity';
  return error.status === undefined ? undefined : clientCode(error.status, error);
}

/** The code of an error that the client can correct. */
function clientCode(status: number, { code, type, message }: ErrorJson): ErrorCode | undefined {
  if (status === 401 || status === 403 || status === 404 || status === 405 || status === 408) return undefined;
  if (status === 501) return 'unsupported_capability';
  if (status >= 500 || status < 400) return undefined;
  if (isOurs(code) && errorCodes[code].status < 500) return code;
  if (type === 'exceed_context_size_error' || TOO_LONG.test(message)) return 'context_length_exceeded';
  return status === 413 ? 'request_too_large' : 'invalid_request';
}

function isOurs(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

function faultMessage(status: number): string {
  if (status === 401 || status === 403) return 'The server behind this one does not accept the key that it was given.';
  if (status === 404) return 'The server behind this one does not have the model, or not this API.';
  return `The server behind this one failed (HTTP ${String(status)}).`;
}

function errorJsonOf(body: unknown): ErrorJson | undefined {
  if (!isObject(body)) return undefined;
  const error = isObject(body['error']) ? body['error'] : body;
  const { message, code, type, param } = error;
  const told = typeof message === 'string' ? message : typeof body['error'] === 'string' ? body['error'] : undefined;
  if (told === undefined) return undefined;
  return {
    message: told.slice(0, MAX_MESSAGE_CHARACTERS),
    code: typeof code === 'string' ? code : '',
    type: typeof type === 'string' ? type : '',
    param: typeof param === 'string' ? param : undefined,
    status: statusOf(code),
  };
}

/** What a response without OpenAI's envelope says. */
function bareError(status: number, text: string): ErrorJson {
  const told = text.trim().slice(0, MAX_MESSAGE_CHARACTERS);
  const message = told === '' ? `The server behind this one refuses the request (HTTP ${String(status)}).` : told;
  return { message, code: '', type: '', param: undefined, status };
}

/** MAX writes it as text. */
function statusOf(code: unknown): number | undefined {
  const status = typeof code === 'string' && /^\d{3}$/.test(code) ? Number(code) : code;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Seconds; dates are too rare to be read. */
function retryAfterOf(header: string | string[] | undefined): number | undefined {
  const seconds = typeof header === 'string' ? Number(header) : NaN;
  return seconds >= 0 ? Math.min(seconds, LONGEST_RETRY_S) : undefined;
}
