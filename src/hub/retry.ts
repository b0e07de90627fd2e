import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { VserveError } from '../errors/index.ts';
import type { DownloadTuning } from './hub-settings.ts';

const LONGEST_PAUSE_MS = 30_000;
/** A longer `Retry-After` ends the retries. */
const LONGEST_RETRY_AFTER_MS = 5 * 60_000;

/** A failure worth retrying. */
export class TransientFailure extends Error {
  /** How long the server asks to wait. */
  readonly retryAfterMs: number;

  constructor(message: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(message, { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

export interface RetryOptions {
  readonly tuning: DownloadTuning;
  readonly signal: AbortSignal;
  /** Called before each pause. */
  readonly onRetry: (reason: string) => void;
  /** Whether the last attempt made progress: then it costs no retry. */
  readonly hasProgressed?: () => boolean;
}

/**
 * Retries while attempts end in a `TransientFailure`, after growing pauses with jitter, and never sooner than the server
 * asks. Throws `hub_unreachable` when it gives up, anything else that an attempt throws, the signal's reason.
 */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { tuning, signal, onRetry, hasProgressed = () => false } = options;
  try {
    return await pRetry(attempt, {
      retries: tuning.retries,
      minTimeout: tuning.backoffMs,
      maxTimeout: LONGEST_PAUSE_MS,
      randomize: true,
      signal,
      shouldRetry: ({ error }) => isWorthRetrying(error),
      shouldConsumeRetry: () => !hasProgressed(),
      onFailedAttempt: async ({ error, retriesLeft }) => {
        if (!isWorthRetrying(error) || retriesLeft === 0) return;
        onRetry(error.message);
        if (error.retryAfterMs > 0) await sleep(error.retryAfterMs, undefined, { signal });
      },
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof TransientFailure)) throw error;
    const message = `${error.message}\nWhat was downloaded is kept. Run the command again to resume.`;
    throw new VserveError('hub_unreachable', message, { cause: error });
  }
}

function isWorthRetrying(error: unknown): error is TransientFailure {
  return error instanceof TransientFailure && error.retryAfterMs <= LONGEST_RETRY_AFTER_MS;
}

/** Milliseconds of a `Retry-After` header: seconds, or a date (RFC 9110, section 10.2.3); 0 without one. */
export function retryAfterMs(header: string | undefined, now = Date.now()): number {
  if (header === undefined) return 0;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? 0 : Math.max(date - now, 0);
}
