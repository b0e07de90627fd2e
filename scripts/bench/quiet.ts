import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

const sampleMs = 300;
const toleratedCpus = 0.15;
/** Linux counts a process's CPU time in hundredths of a second. */
const msPerTick = 10;

function busyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

/**
 * CPU time of a process, its threads and its children that have ended; undefined without /proc, or if the process is
 * gone.
 */
function cpuMsOf(pid: number): number | undefined {
  try {
    // proc(5): utime, stime, cutime and cstime are fields 14 to 17; the name before them may hold spaces, but ends at
    // the last bracket.
    const fields = readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return msPerTick * fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
  } catch {
    return undefined;
  }
}

/**
 * Starts watching the CPUs. The returned function tells how many were kept busy by others than us, our children that have
 * ended since, and our child `serverPid`.
 */
export function watchForeignCpus(serverPid: number | undefined): () => number | undefined {
  const pids = [process.pid, ...(serverPid === undefined ? [] : [serverPid])];
  const before = { atMs: performance.now(), busyMs: busyMs(), ownMs: pids.map(cpuMsOf) };
  return () => {
    const ownMs = pids.map((pid, i) => (cpuMsOf(pid) ?? NaN) - (before.ownMs[i] ?? NaN));
    const foreignMs = busyMs() - before.busyMs - ownMs.reduce((sum, ms) => sum + ms, 0);
    return Number.isNaN(foreignMs) ? undefined : Math.max(0, foreignMs / (performance.now() - before.atMs));
  };
}

/** How many CPUs other programs may keep busy before a measurement on `threads` CPUs counts as disturbed. */
export function noisyCpus(threads: number): number {
  return availableParallelism() - threads + toleratedCpus;
}

/** Waits until other programs keep fewer than `noisy` CPUs busy, at most `patienceMs`. */
export async function untilQuiet(noisy: number, patienceMs: number): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  do {
    const [busy, startedAtMs] = [busyMs(), performance.now()];
    await delay(sampleMs);
    if (busyMs() - busy < noisy * (performance.now() - startedAtMs)) return;
  } while (performance.now() < deadlineMs);
}
