import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { LogLevel, ModelFiles } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import { conversionKey, identifyCheckpoint } from './checkpoint-identity.ts';
import type { ConversionProgress, Converter, Outtype } from './converter.ts';
import { tryLock, withLock } from './lock.ts';
import { makeFolder } from './make-folder.ts';
import { readConverted, writeManifest } from './manifest.ts';

export interface ConvertOnceOptions {
  /** Folder of the checkpoint. */
  readonly sourceDir: string;
  readonly outtype: Outtype;
  /** Folder of the store. */
  readonly home: string;
  readonly converter: Converter;
  readonly onProgress: (progress: ConversionProgress) => void;
  readonly log: (level: LogLevel, message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * The GGUF files of a checkpoint: those of an earlier conversion where the checkpoint, the converter and the type are
 * still the same, new ones otherwise. Processes that ask at the same time share one conversion. In the store,
 * `converted/<name>-<key>` is complete or absent; `converting/<key>.<random>` is work in progress; `locks/<key>`.
 */
export async function convertOnce(options: ConvertOnceOptions): Promise<ModelFiles> {
  const { sourceDir, outtype, home, converter, onProgress, log, signal } = options;
  const source = await identifyCheckpoint(sourceDir, converter);
  const key = conversionKey(source, converter.converterVersion, outtype);
  const destination = join(home, 'converted', `${slugOf(source.path)}-${outtype}-${key}`);

  const ready = await readConverted(destination);
  if (ready !== undefined) {
    log('debug', `Already converted: ${destination}`);
    return ready;
  }
  const onWait = (owner: { pid: number } | undefined) => {
    const who = owner === undefined ? 'Another vserve' : `Another vserve (process ${owner.pid})`;
    log('info', `${who} is converting this model: waiting for it to finish.`);
  };
  return withLock(lockPath(home, key), { signal, onWait }, async () => {
    const finished = await readConverted(destination);
    if (finished !== undefined) return finished;
    if (existsSync(destination)) log('warning', `${destination} is damaged: converting the model again.`);
    await removeAbandoned(home, key);

    const workDir = join(home, 'converting', `${key}.${randomUUID()}`);
    await makeFolder(workDir);
    try {
      const files = await converter.convertCheckpoint({
        sourceDir,
        destinationDir: workDir,
        outtype,
        onProgress,
        signal,
      });
      signal.throwIfAborted();
      const after = await identifyCheckpoint(sourceDir, converter);
      if (conversionKey(after, converter.converterVersion, outtype) !== key) {
        throw new VserveError('checkpoint_invalid', `${sourceDir} changed while it was being converted. Start again.`);
      }
      const { architecture, outtype: resultOuttype } = files;
      const { converterVersion } = converter;
      await writeManifest(workDir, { source, converterVersion, outtype, architecture, resultOuttype, files });
      return await publish(workDir, destination);
    } finally {
      await rm(workDir, { recursive: true, force: true });
    }
  });
}

/** Puts a finished folder in its place by one rename. */
async function publish(workDir: string, destination: string): Promise<ModelFiles> {
  await makeFolder(dirname(destination));
  await rm(destination, { recursive: true, force: true });
  await rename(workDir, destination);
  const published = await readConverted(destination);
  if (published !== undefined) return published;
  throw new VserveError('gguf_invalid', `The converted model in ${destination} was changed by another program.`);
}

/** Removes what conversions left behind that ended without cleaning up: those whose lock nobody alive holds. */
async function removeAbandoned(home: string, ownKey: string): Promise<void> {
  const folder = join(home, 'converting');
  await makeFolder(folder);
  for (const name of await readdir(folder)) {
    const [key = ''] = name.split('.');
    const release = key === ownKey ? async () => undefined : await tryLock(lockPath(home, key));
    if (release === undefined) continue;
    try {
      await rm(join(folder, name), { recursive: true, force: true });
    } finally {
      await release();
    }
  }
}

function lockPath(home: string, key: string): string {
  return join(home, 'locks', key);
}

function slugOf(path: string): string {
  return basename(path)
    .replaceAll(/[^\w.-]+/g, '_')
    .slice(0, 60);
}
