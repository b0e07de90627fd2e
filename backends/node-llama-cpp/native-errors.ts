import { type ErrorCode, errorCodes, VserveError } from '../../src/errors/index.ts';

/** Errors caused by the conversation. */
const ofTheMessages: ReadonlySet<ErrorCode> = new Set([
  'chat_template_failed',
  'context_length_exceeded',
  'undecodable',
  'unsupported_capability',
]);

export function asErrorCode(code: string): ErrorCode {
  return code in errorCodes ? (code as ErrorCode) : 'generation_failed';
}

/** The addon's errors carry one of our codes, and the index of the image at fault. */
export function fromNative(error: unknown, places: readonly (string | undefined)[] = []): unknown {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    const code = asErrorCode(error.code);
    const place = 'image' in error && typeof error.image === 'number' ? places[error.image] : undefined;
    const param = place ?? (ofTheMessages.has(code) ? 'messages' : undefined);
    return new VserveError(code, error.message, param === undefined ? {} : { param });
  }
  return error;
}
