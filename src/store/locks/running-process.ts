import { systemErrorCode } from '../../errors/index.ts';

/** A process of some machine, as it writes itself down. */
export interface ProcessOnHost {
  readonly pid: number;
  readonly host: string;
}

/** Reads what a process wrote. Undefined for anything else. */
export function parseProcess(text: string): ProcessOnHost | undefined {
  try {
    const { pid, host } = Object(JSON.parse(text)) as Partial<Record<keyof ProcessOnHost, unknown>>;
    const isProcess = typeof pid === 'number' && Number.isSafeInteger(pid) && pid > 0 && typeof host === 'string';
    return isProcess ? { pid, host } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a process with this id exists, including other users' processes, which cannot be signalled. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
}
