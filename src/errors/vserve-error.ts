import { errorCodes } from './error-codes.ts';
import type { ErrorCode } from './error-codes.ts';

interface VserveErrorOptions {
  readonly cause?: unknown;
  readonly param?: string;
  readonly detail?: string;
  readonly retryAfterS?: number;
}

/**
 * The error class of the project: something a person can act on. `message` says what was wrong, where, and what to do
 * next; `code` is stable and decides the HTTP status and the exit code (see `error-codes.ts`); `param` names the request
 * field or option at fault, in OpenAI's notation (`messages[2].content[1]`).
 *
 * `retryAfterS` says when the same request may succeed, in seconds.
 *
 * `detail` is for the log only, never for a response: an image's URL without its secrets, for example.
 *
 * Anything else that is thrown is a defect and is reported as one.
 */
export class VserveError extends Error implements CodedError {
  override readonly name = 'VserveError';
  readonly code: ErrorCode;
  readonly param: string | undefined;
  readonly detail: string | undefined;
  readonly retryAfterS: number | undefined;

  constructor(code: ErrorCode, message: string, options: VserveErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.param = options.param;
    this.detail = options.detail;
    this.retryAfterS = options.retryAfterS;
  }
}

/** An error with one of our codes, of whatever class. */
export interface CodedError extends Error {
  readonly code: ErrorCode;
  readonly param?: string | undefined;
  readonly detail?: string | undefined;
  readonly retryAfterS?: number | undefined;
}

/**
 * Tells our errors by their code, not by their class: a third party's backend may have another copy of `VserveError`, or
 * none.
 */
export function isCodedError(error: unknown): error is CodedError {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && Object.hasOwn(errorCodes, error.code)
  );
}
