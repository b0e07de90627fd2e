import { systemErrorCode } from '../../errors/index.ts';

/** Whether a process with this id exists, including other users' processes, which cannot be signalled. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
}
