import { type ErrorCode, errorCodes, VserveError } from '../../src/errors/index.ts';

/** Errors caused by the prompt. */
const ofThePrompt: ReadonlySet<ErrorCode> = new Set([
  'chat_template_failed',
  'context_length_exceeded',
  'undecodable',
  'unsupported_capability',
]);

export function asErrorCode(code: string): ErrorCode {
  return code in errorCodes ? (code as ErrorCode) : 'generation_failed';
}

/**
 * The addon's errors carry one of our codes, and the index of the image at fault. `prompt` is the field that the prompt comes
 * from.
 */
export function fromNative(
  error: unknown,
  places: readonly (string | undefined)[] = [],
  prompt: 'messages' | 'prompt' | 'input' = 'messages',
): unknown {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    const code = asErrorCode(error.code);
    const place = 'image' in error && typeof error.image === 'number' ? places[error.image] : undefined;
    const param = place ?? (ofThePrompt.has(code) ? prompt : undefined);
    return new VserveError(code, error.message, param === undefined ? {} : { param });
  }
  return error;
}
