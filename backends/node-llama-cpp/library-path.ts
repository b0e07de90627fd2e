import { delimiter } from 'node:path';
import process from 'node:process';

/** This process's environment for a child that finds its libraries in `folder`, since it was linked elsewhere. */
export function environmentWithLibraries(folder: string): NodeJS.ProcessEnv {
  const variable = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH';
  const others = process.env[variable];
  const folders = others === undefined || others === '' ? [folder] : [folder, others];
  return { ...process.env, [variable]: folders.join(delimiter) };
}
