import { getLlama, type Llama, LlamaLogLevel, NoBinaryFoundError } from 'node-llama-cpp';
import type { LoadOptions } from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import { BinaryTests, throwIfInterrupted } from './binary-tests.ts';

/**
 * Has node-llama-cpp find its binary for this machine, and try it in a process of its own before it is opened here. Throws
 * `native_addon_missing`, `out_of_memory`, or the signal's reason.
 */
export async function startTested(
  gpu: 'auto' | false,
  { log, signal }: Pick<LoadOptions, 'log' | 'signal'>,
): Promise<Llama> {
  const tests = new BinaryTests();
  try {
    const llama = await tests.during(() =>
      getLlama({
        gpu,
        build: 'never',
        skipDownload: true,
        progressLogs: false,
        logLevel: LlamaLogLevel.info,
        logger: () => undefined,
      }),
    );
    const [failure] = tests.failures;
    if (failure !== undefined) {
      const message = `llama.cpp runs on ${llama.gpu === false ? 'the CPU' : llama.gpu}: ${endOfTest(failure)}.`;
      log(typeof failure === 'number' ? 'info' : 'warning', message);
    }
    return llama;
  } catch (cause) {
    if (!(cause instanceof NoBinaryFoundError)) throw cause;
    await throwIfInterrupted(tests.failures, signal);
    throw noBinary(tests.failures, cause);
  }
}

function noBinary(failures: readonly (NodeJS.Signals | number)[], cause: Error): VserveError {
  const [failure] = failures;
  if (failures.includes('SIGKILL')) {
    const message = `llama.cpp could not be started: ${endOfTest('SIGKILL')}. Close other programs, or give the container more memory.`;
    return new VserveError('out_of_memory', message, { cause });
  }
  const message =
    failure === undefined
      ? 'node-llama-cpp has no binaries for this machine. They are optional dependencies: run npm install with --include=optional.'
      : `The binaries of node-llama-cpp do not run on this machine: ${endOfTest(failure)}. Run it again with --log-level DEBUG to see why.`;
  return new VserveError('native_addon_missing', message, { cause });
}

function endOfTest(failure: NodeJS.Signals | number): string {
  const end = typeof failure === 'number' ? `exit code ${String(failure)}` : failure;
  const reason = failure === 'SIGKILL' ? ', most likely because the system ran out of memory' : '';
  return `the process that tries a binary first ended with ${end}${reason}`;
}
