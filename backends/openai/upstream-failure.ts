import { messageOf, VserveError } from '../../src/errors/index.ts';

/** Why a request failed, as the metrics name it. */
export const failureReasons = ['unreachable', 'busy', 'ending', 'timeout', 'broken', 'status', 'refused'] as const;

export type FailureReason = (typeof failureReasons)[number];

export interface FailureOptions {
  readonly reason: FailureReason;
  /** The request cannot have begun: it may be sent to another upstream. */
  readonly mayRetry: boolean;
}

/** What a request to one upstream came to. */
export class UpstreamFailure extends Error {
  /** For the client. */
  readonly error: VserveError;
  readonly reason: FailureReason;
  readonly mayRetry: boolean;

  constructor(error: VserveError, { reason, mayRetry }: FailureOptions) {
    super(error.message, { cause: error });
    this.error = error;
    this.reason = reason;
    this.mayRetry = mayRetry;
  }

  /** Whether it speaks against the upstream, and not against the request. */
  get isFault(): boolean {
    return !NO_FAULTS.includes(this.reason);
  }
}

const NO_FAULTS: readonly FailureReason[] = ['refused', 'busy', 'ending'];

const TIMEOUTS = ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'];

/** What went wrong with a connection. `upstream` is for the log. */
export function connectionFailure(cause: unknown, { isSent, upstream }: { isSent: boolean; upstream: string }) {
  if (cause instanceof UpstreamFailure) return cause;
  const detail = `${upstream}: ${messageOf(cause)}`;
  if (!isSent) {
    const message = 'The server behind this one cannot be reached. Please retry later.';
    const error = new VserveError('upstream_unavailable', message, { cause, detail, retryAfterS: 1 });
    return new UpstreamFailure(error, { reason: 'unreachable', mayRetry: true });
  }
  if (TIMEOUTS.includes(codeOf(cause))) {
    const message = 'The server behind this one was silent for too long (--upstream-timeout-s).';
    const error = new VserveError('upstream_timeout', message, { cause, detail });
    return new UpstreamFailure(error, { reason: 'timeout', mayRetry: false });
  }
  const message =
    'The connection to the server behind this one broke off. The request may have run: it was not repeated.';
  const error = new VserveError('upstream_failed', message, { cause, detail });
  return new UpstreamFailure(error, { reason: 'broken', mayRetry: false });
}

/** An answer that breaks the protocol. */
export function malformed(what: string, upstream: string): UpstreamFailure {
  const message = 'The server behind this one sent an answer that cannot be read.';
  const error = new VserveError('upstream_failed', message, { detail: `${upstream}: ${what}` });
  return new UpstreamFailure(error, { reason: 'broken', mayRetry: false });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
