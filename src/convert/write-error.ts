import { VserveError } from '../errors/index.ts';

/** The error for a failure to write to `where`: `disk_full`, or `invalid_setting` where it cannot be written at all. */
export function writeError(error: unknown, where: string): VserveError {
  if (error instanceof VserveError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    const message = `The disk filled up while a model was written to ${where}. Free some space and try again.`;
    return new VserveError('disk_full', message, { cause: error });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new VserveError('invalid_setting', `Cannot write to ${where}: ${reason}.`, { cause: error });
}
