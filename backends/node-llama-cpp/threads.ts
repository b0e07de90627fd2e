import type { Llama } from 'node-llama-cpp';
import type { LoadOptions, LoadSettings } from '../../src/backend/index.ts';
import { usableCpus } from './cpu-limit.ts';
import type { NativeEngineOptions } from './native-addon.ts';

/** A core reads so much in less than a millisecond: other threads would take as long to wake. */
const oneThreadModelBytes = 8 * 1024 * 1024;

/**
 * The engine's threads, for a model whose weights have `modelBytes`. A number that was set is used as it is, whatever else
 * the machine does; but there are never more threads than CPUs, since they spin while they wait for each other.
 */
export function chooseThreads(
  settings: Pick<LoadSettings, 'threads' | 'threadsBatch'>,
  modelBytes: number,
  mostThreads: number,
  log: LoadOptions['log'],
  cpus = usableCpus(),
): Pick<NativeEngineOptions, 'threads' | 'threadsBatch' | 'threadsAdapt' | 'threadsBatchAdapt'> {
  const atMostCpus = (flag: string, wanted: number): number => {
    if (wanted <= cpus) return wanted;
    const which = cpus === 1 ? 'the one CPU' : `the ${String(cpus)} CPUs`;
    log(
      'warning',
      `${flag} ${String(wanted)} is more than ${which} that this process may use, which would make it many times slower: it takes ${String(cpus)}.`,
    );
    return cpus;
  };
  const threads = settings.threads === undefined ? undefined : atMostCpus('--threads', settings.threads);
  const threadsBatch =
    settings.threadsBatch === undefined ? threads : atMostCpus('--threads-batch', settings.threadsBatch);
  return {
    threads: threads ?? (modelBytes <= oneThreadModelBytes ? 1 : mostThreads),
    threadsBatch: threadsBatch ?? mostThreads,
    threadsAdapt: threads === undefined,
    threadsBatchAdapt: threadsBatch === undefined,
  };
}

/** Threads for computing: the cores that are good at it, as far as this process may use them. */
export function computeThreads(llama: Llama): number {
  return Math.max(1, Math.min(llama.cpuMathCores, usableCpus()));
}
