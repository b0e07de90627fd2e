import { randomUUID } from 'node:crypto';
import { readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { systemErrorCode, VserveError } from '../errors/index.ts';
import type { ConversionProgress, Converter, Outtype } from './converter.ts';
import { explainDiskError } from './disk-errors.ts';
import { makeFolder } from './make-folder.ts';

export interface ConvertIntoOptions {
  /** Folder of the checkpoint. */
  readonly sourceDir: string;
  /** Folder for the GGUF files: absent, or empty. */
  readonly destinationDir: string;
  readonly outtype: Outtype;
  readonly converter: Converter;
  readonly onProgress: (progress: ConversionProgress) => void;
  readonly signal: AbortSignal;
}

/**
 * Converts a checkpoint into a folder of its own, which appears when all is done. Gives the absolute paths of the files.
 * Throws `invalid_setting` where the folder holds something already, `disk_full`, and what the converter throws.
 */
export async function convertInto(options: ConvertIntoOptions): Promise<string[]> {
  const { sourceDir, outtype, converter, onProgress, signal } = options;
  const destination = resolve(options.destinationDir);
  const workDir = join(dirname(destination), `.${basename(destination)}.${randomUUID()}`);
  try {
    await checkEmpty(destination);
    await makeFolder(workDir);
    const files = await converter.convertCheckpoint({
      sourceDir,
      destinationDir: workDir,
      outtype,
      onProgress,
      signal,
    });
    signal.throwIfAborted();
    await rmdir(destination).catch(() => undefined);
    await rename(workDir, destination);
    const written = files.mmprojPath === undefined ? [files.modelPath] : [files.modelPath, files.mmprojPath];
    return written.map((path) => join(destination, basename(path)));
  } catch (error) {
    throw explainDiskError(error, dirname(destination), 'Convert into another folder.');
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

async function checkEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  });
  if (names.length === 0) return;
  throw new VserveError(
    'invalid_setting',
    `The folder ${folder} is not empty. Nothing was overwritten: give a folder that is empty or does not exist.`,
  );
}
