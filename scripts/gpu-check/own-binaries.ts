import { copyFile, cp, mkdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { packageDir } from '../bench/peer.ts';

/** The variable by which `use-binaries` is told the folder. */
export const binariesVariable = 'NODE_LLAMA_CPP_BINARIES_OVERRIDE';

/**
 * A copy of node-llama-cpp's package of binaries for CUDA with the library at `kernelPath` for its kernels, and the
 * environment in which programs of Node.js take it instead of the installed one.
 */
export async function binariesWith(kernelPath: string, folder: string): Promise<NodeJS.ProcessEnv> {
  const installed = join(dirname(packageDir('node-llama-cpp')), '@node-llama-cpp', `linux-${process.arch}-cuda`);
  const kernels = basename(kernelPath);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await cp(installed, folder, { recursive: true, dereference: true, filter: (path) => basename(path) !== kernels });
  await copyFile(kernelPath, join(folder, 'bins', `linux-${process.arch}-cuda`, kernels));
  const hook = pathToFileURL(join(dirname(fileURLToPath(import.meta.url)), 'use-binaries.js')).href;
  const options = [process.env['NODE_OPTIONS'], `--import=${hook}`].filter((option) => option !== undefined);
  return { [binariesVariable]: folder, NODE_OPTIONS: options.join(' ') };
}
