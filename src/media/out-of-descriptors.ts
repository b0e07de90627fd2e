import { messageOf, systemErrorCode, VserveError } from '../errors/index.ts';

/**
 * The error for a server with too many open files and connections, if `error` means that: the limit of this process
 * (EMFILE) or of the machine (ENFILE). A thread that cannot start has the code in its message only.
 */
export function outOfDescriptors(error: unknown): VserveError | undefined {
  const errorCode = systemErrorCode(error) ?? '';
  const [code] = /\bE[MN]FILE\b/.exec(errorCode === 'ERR_WORKER_INIT_FAILED' ? messageOf(error) : errorCode) ?? [];
  if (code === undefined) return undefined;
  const message = `The server has too many files and connections open (${code}). Try again later, or raise its limit (ulimit -n).`;
  return new VserveError('at_capacity', message, { cause: error });
}
