import { diskFullError, messageOf, VserveError } from '../errors/index.ts';

/** The error for a failure to write to `where`: `disk_full`, or `invalid_setting` if it cannot be written at all. */
export function writeError(error: unknown, where: string): VserveError {
  if (error instanceof VserveError) return error;
  const message = `Nothing can be written to ${where}: ${messageOf(error)}.`;
  return diskFullError(error, where) ?? new VserveError('invalid_setting', message, { cause: error });
}
