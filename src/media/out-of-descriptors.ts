import { messageOf, systemErrorCode, VserveError } from '../errors/index.ts';

/**
 * The error of a server that has too many files and connections open, where that is what `error` says: the limit is this
 * process's (EMFILE) or the machine's (ENFILE). A thread that cannot start says so in its message only.
 */
export function outOfDescriptors(error: unknown): VserveError | undefined {
  const errorCode = systemErrorCode(error) ?? '';
  const [code] = /\bE[MN]FILE\b/.exec(errorCode === 'ERR_WORKER_INIT_FAILED' ? messageOf(error) : errorCode) ?? [];
  if (code === undefined) return undefined;
  const message = `The server has too many files and connections open (${code}). Try again later, or raise its limit (ulimit -n).`;
  return new VserveError('at_capacity', message, { cause: error });
}
