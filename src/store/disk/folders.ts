import { mkdir, readdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileFault, systemErrorCode, VserveError } from '../../errors/index.ts';

/**
 * Creates a folder and its missing parents, one by one. Node's own `recursive` never ends on a file system that responds
 * with ENOENT to a folder it does not allow, as /proc does. Throws the system's error.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    if ((await stat(path)).isDirectory()) return;
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    if (dirname(path) !== path) await makeFolder(dirname(path));
  }
  await mkdir(path).catch((error: unknown) => {
    // Another process may have been faster; a file in the way fails in the next step.
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  });
}

/**
 * The names in a folder of the store, sorted; none if it does not exist. Throws `invalid_setting` for one that cannot be
 * read: treating it as empty could remove what is in use.
 */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return [];
    const message = `The folder ${folder} cannot be read: ${fileFault(cause)}\nSet VSERVE_HOME to a folder that you can read and write.`;
    throw new VserveError('invalid_setting', message, { cause });
  }
}
