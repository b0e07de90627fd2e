import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { VserveError } from '../../errors/index.ts';

/** llama.cpp's source, at the release that the models are made for. */
export interface ConverterSource {
  /** The release: `v0.5.0`. */
  readonly release: string;
  /** A git bundle with the release's commit as its HEAD. */
  readonly bundlePath: string;
}

/** The parts of the source that the converter needs. */
const parts = ['convert_hf_to_gguf.py', 'conversion', 'gguf-py/gguf', 'models/templates'];
const run = promisify(execFile);

/**
 * The folder with llama.cpp's converter: `llama.cpp-<release>` in `toolsDir`, taken out of the bundle where it is not
 * there yet. It appears whole.
 *
 * Throws `converter_unavailable` without git, or when the bundle cannot be read
 * Throws the signal's reason when it is aborted; the system's errors.
 */
export async function unpackConverter(source: ConverterSource, toolsDir: string, signal: AbortSignal): Promise<string> {
  const folder = join(toolsDir, `llama.cpp-${source.release}`);
  if (await isFolder(folder)) return folder;
  const workDir = `${folder}.${randomUUID()}`;
  try {
    await mkdir(toolsDir, { recursive: true });
    await git(['clone', '--quiet', '--no-checkout', source.bundlePath, workDir], signal);
    await git(['-C', workDir, 'checkout', '--quiet', 'HEAD', '--', ...parts], signal);
    await rm(join(workDir, '.git'), { recursive: true });
    await rename(workDir, folder).catch(async (error: unknown) => {
      // Another process may have been quicker.
      if (!(await isFolder(folder))) throw error;
    });
    return folder;
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

async function git(args: readonly string[], signal: AbortSignal): Promise<void> {
  try {
    await run('git', args, { signal, windowsHide: true });
  } catch (cause) {
    signal.throwIfAborted();
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    const message = isMissing
      ? "--converter llama.cpp takes llama.cpp's converter out of a git bundle, and there is no git. Install git."
      : `llama.cpp's converter cannot be taken out of its bundle: ${cause instanceof Error ? cause.message.trim() : String(cause)}`;
    throw new VserveError('converter_unavailable', message, { cause });
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
