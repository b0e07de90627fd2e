import { messageOf, systemErrorCode } from './system-error.ts';
import { VserveError } from './vserve-error.ts';

/** A disk without room, a quota that is used up, and a limit on the size of files. */
const DISK_FULL_CODES = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/**
 * The error for a write below `folder` that failed for lack of room; undefined for any other failure. `advice` is the
 * alternative to freeing space.
 */
export function diskFullError(error: unknown, folder: string, advice?: string): VserveError | undefined {
  if (!DISK_FULL_CODES.includes(systemErrorCode(error) ?? '')) return undefined;
  const otherwise = advice === undefined ? '.' : `, or else: ${advice}`;
  const message = `The disk is full: ${messageOf(error)}\nFree some space for ${folder}${otherwise}`;
  return new VserveError('disk_full', message, { cause: error });
}
