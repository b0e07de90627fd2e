import { Worker } from 'node:worker_threads';

/** `git` is the SHA-1 of a blob object, by which the Hub names small files. */
export type HashKind = 'sha256' | 'git';

// The compiler renames the extensions of imports, not of URLs.
const workerUrl = new URL(`./hash-worker${import.meta.url.slice(-3)}`, import.meta.url);

/**
 * The hash of a file in hexadecimal, computed in a thread of its own, in bounded pieces.
 * Throws the system's error where the file cannot be read; after an abort, the signal's reason.
 */
export async function hashFile(path: string, kind: HashKind, signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted();
  const worker = new Worker(workerUrl, { workerData: { path, kind } });
  const stop = (): void => void worker.terminate();
  signal?.addEventListener('abort', stop);
  try {
    return await new Promise<string>((resolve, reject) => {
      worker.on('message', resolve);
      worker.on('error', reject);
      worker.on('exit', () => reject(signal?.aborted === true ? signal.reason : new Error('The hash thread ended.')));
    });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
