import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { QuantizeRequest } from '../../src/backend/index.ts';
import { errorCodes, VserveError } from '../../src/errors/index.ts';
import type { ErrorCode } from '../../src/errors/index.ts';
import { throwIfInterrupted } from './binary-tests.ts';

/** How often the growing file is looked at. */
const PROGRESS_MS = 200;

// The compiler renames the extensions of imports, not of URLs.
const program = fileURLToPath(new URL(`./quantize-process${import.meta.url.slice(-3)}`, import.meta.url));

/** What the process says last. */
type Answer = { readonly done: true } | { readonly done: false; readonly code?: string; readonly message: string };

/**
 * Quantizes in a process of its own. llama.cpp's quantizer can neither be stopped nor asked how far it is, and a failed
 * assertion in it ends the process that it runs in. A process can be killed, and the file that it writes can be watched.
 */
export async function quantize({
  sourcePath,
  destinationPath,
  type,
  onProgress,
  signal,
}: QuantizeRequest): Promise<void> {
  signal.throwIfAborted();
  const child = fork(program, [sourcePath, destinationPath, type, String(availableParallelism())], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill);
  let hasEnded = false;
  const look = async (): Promise<void> => {
    const bytes = await sizeOf(destinationPath);
    if (!hasEnded) onProgress(bytes);
  };
  const watch = setInterval(() => void look(), PROGRESS_MS);
  try {
    const answer = await answerOf(child);
    hasEnded = true;
    await throwIfInterrupted([child.signalCode], signal);
    if (!answer.done) throw failure(answer, `${sourcePath} could not be quantized to ${type}: ${answer.message}`);
    onProgress(await sizeOf(destinationPath));
    signal.throwIfAborted();
  } finally {
    clearInterval(watch);
    signal.removeEventListener('abort', kill);
  }
}

/** Waits for the end of the process, so that nothing writes to the file any more. */
async function answerOf(child: ChildProcess): Promise<Answer> {
  let answer: Answer | undefined;
  child.on('message', (message) => {
    answer = message as Answer;
    child.disconnect();
  });
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const [exitCode, signal] = await ended;
  if (answer !== undefined) return answer;
  const ending = `the quantizer ended with ${signal ?? `exit code ${String(exitCode)}`}`;
  if (signal !== 'SIGKILL') return { done: false, message: `${ending}.` };
  return {
    done: false,
    code: 'out_of_memory',
    message: `${ending}, most likely because the system ran out of memory..`,
  };
}

function failure({ code }: { readonly code?: string }, message: string): VserveError {
  if (code === 'disk_full') return new VserveError(code, `${message}. Make room and try again.`);
  return new VserveError(
    code !== undefined && code in errorCodes ? (code as ErrorCode) : 'quantization_failed',
    message,
  );
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
