import { VserveError } from '../errors/index.ts';

/** The error for a failure to write to `where`: `disk_full`, or `invalid_setting` where it cannot be written at all. */
export function writeError(error: unknown, where: string): VserveError {
  if (error instanceof VserveError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    const message = `The disk became full while a model was written to ${where}. Make room and try again.`;
    return new VserveError('disk_full', message, { cause: error });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new VserveError('invalid_setting', `Nothing can be written to ${where}: ${reason}.`, { cause: error });
}
