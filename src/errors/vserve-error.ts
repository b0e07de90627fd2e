import type { ErrorCode } from './error-codes.ts';

/**
 * The one error class of the project: something a person can act on. `message` says what was wrong, where, and what to
 * do next; `code` is stable and decides the HTTP status and the exit code (see `error-codes.ts`); `param` names the
 * request field or option at fault, in OpenAI's notation (`messages[2].content[1]`).
 *
 * `detail` is for the log only, never for an answer: what an image's URL was, without its secrets.
 *
 * Anything else that is thrown is a defect and is reported as one.
 */
export class VserveError extends Error {
  override readonly name = 'VserveError';
  readonly code: ErrorCode;
  readonly param: string | undefined;
  readonly detail: string | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; param?: string; detail?: string } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.param = options.param;
    this.detail = options.detail;
  }
}
