import { readFileSync } from 'node:fs';

/**
 * Starts counting the CPU time of a process's first thread, on which Node.js runs JavaScript. Returns a function that gives the
 * microseconds so far; undefined where the operating system does not tell.
 */
export function watchMainThread(pid: number): (() => number) | undefined {
  const begin = mainThreadUs(pid);
  return begin === undefined ? undefined : () => (mainThreadUs(pid) ?? NaN) - begin;
}

/** The scheduler counts in nanoseconds. */
function mainThreadUs(pid: number): number | undefined {
  try {
    const [ns] = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/schedstat`, 'utf8').split(' ');
    return Number(ns) / 1000;
  } catch {
    return undefined;
  }
}
