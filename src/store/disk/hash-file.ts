import { stat } from 'node:fs/promises';
import type { FileHash } from '../../hub/index.ts';
// Not the whole client, which is slow to load.
import { HashThread } from '../../hub/hash-thread.ts';

/**
 * The hash of a file in hexadecimal, computed in a thread, in bounded chunks; `git` is the SHA-1 of a blob. Throws the
 * system's error if the file cannot be read; after an abort, the signal's reason.
 */
export async function hashFile(path: string, algorithm: FileHash['algorithm'], signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  const { size: bytes } = await stat(path);
  const thread = new HashThread();
  const stop = (): void => void thread.close();
  signal.addEventListener('abort', stop);
  try {
    return await thread.digest(path, { bytes, algorithm });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    await thread.close();
  }
}
