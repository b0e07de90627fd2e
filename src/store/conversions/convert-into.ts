import { randomUUID } from 'node:crypto';
import { readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { LogLevel } from '../../backend/index.ts';
import type { ConversionProgress, Converter } from '../../conversion/index.ts';
import { systemErrorCode, VserveError } from '../../errors/index.ts';
import { explainDiskError } from '../disk/disk-errors.ts';
import { makeFolder } from '../disk/folders.ts';
import { modelNameOf } from '../downloads/snapshot.ts';
import { isRunning } from '../locks/running-process.ts';
import { choose } from './choose-for-backend.ts';
import type { BackendChoice } from './choose-for-backend.ts';
import { refuseForeign } from './foreign-checkpoint.ts';
import { makeModel } from './make-model.ts';
import { requirePrecision } from './precision.ts';
import type { AskedPrecisions } from './precision.ts';

export interface ConvertIntoOptions extends AskedPrecisions {
  /** Folder of the checkpoint. */
  readonly sourceDir: string;
  /** Folder for the GGUF files: missing or empty. */
  readonly destinationDir: string;
  readonly converter: Converter;
  readonly backend: BackendChoice;
  readonly log: (level: LogLevel, message: string) => void;
  readonly onProgress: (progress: ConversionProgress) => void;
  readonly signal: AbortSignal;
}

/**
 * Converts a checkpoint into a new folder, which appears when everything is done. Returns the absolute paths of the files.
 * Throws `invalid_setting` if the folder is not empty, `disk_full`, and what the converter throws.
 */
export async function convertInto(options: ConvertIntoOptions): Promise<string[]> {
  const destination = resolve(options.destinationDir);
  const workDir = join(dirname(destination), `.${basename(destination)}.${process.pid}.${randomUUID()}`);
  try {
    requirePrecision(options.precision);
    await refuseForeign(options.sourceDir);
    await checkEmpty(destination);
    await removeLeftovers(destination);
    await makeFolder(workDir);
    try {
      return await convertIn(workDir, destination, options);
    } finally {
      await rm(workDir, { recursive: true, force: true });
    }
  } catch (error) {
    throw explainDiskError(error, dirname(destination), 'Convert into another folder.');
  }
}

async function convertIn(workDir: string, destination: string, options: ConvertIntoOptions): Promise<string[]> {
  const { sourceDir, converter, signal } = options;
  const description = await converter.describeCheckpoint(sourceDir, signal);
  const choice = await choose(options.precision, description, options.backend, options);
  const files = await makeModel({
    ...options,
    ...choice,
    description,
    destinationDir: workDir,
    modelName: modelNameOf(await realpath(sourceDir)),
  });
  signal.throwIfAborted();
  const written = files.mmprojPath === undefined ? [files.modelPath] : [files.modelPath, files.mmprojPath];
  await publish(workDir, destination, written);
  return written.map((path) => join(destination, basename(path)));
}

/**
 * A new folder appears complete. An existing one keeps its identity (it may be someone's current directory), so the files
 * are moved there, the model last.
 */
async function publish(workDir: string, destination: string, written: readonly string[]): Promise<void> {
  const exists = await stat(destination).then(
    () => true,
    () => false,
  );
  if (!exists) {
    await rename(workDir, destination);
    return;
  }
  for (const path of written.toReversed()) await rename(path, join(destination, basename(path)));
}

/** Removes work folders left by killed conversions into this folder. */
async function removeLeftovers(destination: string): Promise<void> {
  const siblings = await readdir(dirname(destination)).catch(() => []);
  const prefix = `.${basename(destination)}.`;
  for (const name of siblings.filter((candidate) => candidate.startsWith(prefix))) {
    const pid = /^(\d+)\.[0-9a-f-]{36}$/.exec(name.slice(prefix.length))?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) {
      await rm(join(dirname(destination), name), { recursive: true, force: true });
    }
  }
}

async function checkEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return [];
    if (systemErrorCode(error) !== 'ENOTDIR') throw error;
    throw new VserveError(
      'invalid_setting',
      `${folder} is a file, or below one. Give an empty folder or one that does not exist.`,
    );
  });
  if (names.length === 0) return;
  throw new VserveError(
    'invalid_setting',
    `The folder ${folder} is not empty. Nothing was overwritten: give an empty folder or one that does not exist.`,
  );
}
