import type { Llama } from 'node-llama-cpp';
import type { LoadOptions, LoadSettings } from '../../src/backend/index.ts';
import { usableCpus } from './cpu-limit.ts';
import type { ThreadDefaults } from './device-defaults.ts';
import type { NativeEngineOptions } from './native-addon.ts';

/** A core reads so much in less than a millisecond: other threads would take as long to wake. */
const oneThreadModelBytes = 8 * 1024 * 1024;

/** Threads for generating, of `mostThreads`, with a model whose weights have so many bytes. */
export function decodeThreads(modelBytes: number, mostThreads: number): number {
  return modelBytes <= oneThreadModelBytes ? 1 : mostThreads;
}

/**
 * The engine's threads. A number that was set is used as it is, whatever else
 * the machine does; but there are never more threads than CPUs, since they spin while they wait for each other.
 */
export function chooseThreads(
  settings: Pick<LoadSettings, 'threads' | 'threadsBatch'>,
  automatic: ThreadDefaults,
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
    threads: threads ?? automatic.decode,
    threadsBatch: threadsBatch ?? automatic.compute,
    threadsAdapt: automatic.adapt && threads === undefined,
    threadsBatchAdapt: automatic.adapt && threadsBatch === undefined,
  };
}

/** Threads for computing: the cores that are good at it, as far as this process may use them. */
export function computeThreads(llama: Llama): number {
  return Math.max(1, Math.min(llama.cpuMathCores, usableCpus()));
}
