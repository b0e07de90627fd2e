import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemErrorCode } from '../errors/index.ts';

/**
 * Makes a folder and those above it that are missing, one by one. Node's own `recursive` tries for ever where a file
 * system answers ENOENT to a folder that it does not allow, as /proc does. Throws the system's error.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    if ((await stat(path)).isDirectory()) return;
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    if (dirname(path) !== path) await makeFolder(dirname(path));
  }
  await mkdir(path).catch((error: unknown) => {
    // Another process may have been quicker; a file in the way shows in the next step.
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  });
}
