import { systemErrorCode } from '../../errors/index.ts';

/** Whether a process of this machine has that id. One of another user's counts, though it cannot be signalled. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
}
