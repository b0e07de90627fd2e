import { errors } from 'undici';
import { systemErrorCode, VserveError } from '../errors/index.ts';
import type { ErrorCode } from '../errors/index.ts';
import { outOfDescriptors } from './out-of-descriptors.ts';

/** Failures that a user would blame on the given URL. */
const OF_THE_PLACE: ReadonlySet<ErrorCode> = new Set([
  'dns_failure',
  'fetch_status',
  'fetch_timeout',
  'fetch_transport',
  'ssrf_blocked',
]);

/**
 * The error of a failed fetch for the client. The message is limited to what the client can know: it never reveals an
 * address that a host name or a redirect led to.
 */
export function fetchFailure(error: unknown, wasRedirected: boolean): unknown {
  const failed = failureOf(error);
  if (!wasRedirected || !(failed instanceof VserveError) || !OF_THE_PLACE.has(failed.code)) return failed;
  return new VserveError(failed.code, `${failed.message} A redirect led there.`, { cause: failed.cause });
}

function failureOf(error: unknown): unknown {
  const cause = rootOf(error);
  if (cause instanceof VserveError) return cause;
  if (cause instanceof errors.ConnectTimeoutError) {
    return failure('fetch_timeout', 'The server of the image could not be reached in time.', error);
  }
  if (cause instanceof errors.HeadersTimeoutError || cause instanceof errors.BodyTimeoutError) {
    return failure('fetch_timeout', 'The server of the image stopped responding.', error);
  }
  const capacity = outOfDescriptors(cause);
  if (capacity !== undefined) return capacity;
  const code = systemErrorCode(cause);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_FAIL') {
    return failure('dns_failure', 'The host name of the image URL could not be resolved.', error);
  }
  if (code !== undefined && /^(Z_|ERR_(_ERROR|BROTLI))/.test(code)) {
    return failure('fetch_transport', `The image was sent compressed, and could not be decompressed (${code}).`, error);
  }
  const reason = code === undefined ? '' : ` (${code})`;
  return failure('fetch_transport', `The image could not be fetched: the connection failed${reason}.`, error);
}

function failure(
  code: 'dns_failure' | 'fetch_timeout' | 'fetch_transport',
  message: string,
  cause: unknown,
): VserveError {
  return new VserveError(code, message, { cause });
}

/** The first failure behind an error: one connection can fail at several addresses. */
function rootOf(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors[0] as unknown;
  return error;
}
