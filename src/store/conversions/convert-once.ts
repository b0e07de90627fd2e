import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { LogLevel, ModelFiles, Quantizer } from '../../backend/index.ts';
import type { ConversionProgress, Converter, ModelDescription, Outtype } from '../../conversion/index.ts';
import { VserveError } from '../../errors/index.ts';
import { makeFolder } from '../disk/folders.ts';
import { modelNameOf } from '../downloads/snapshot.ts';
import { removeLeftovers } from '../locks/leftovers.ts';
import { lockPath, withLock } from '../locks/lock.ts';
import { conversionKey, identifyCheckpoint } from './checkpoint-identity.ts';
import type { CheckpointIdentity, ConversionSettings } from './checkpoint-identity.ts';
import { checkQuantizer, makeModel, needsQuantizer } from './make-model.ts';
import { readConverted, writeManifest } from './manifest.ts';
import type { Precision } from './precision.ts';

export interface ConvertOnceOptions {
  /** Folder of the checkpoint. */
  readonly sourceDir: string;
  /** The contents of that folder. */
  readonly source: CheckpointIdentity;
  readonly description: ModelDescription;
  readonly precision: Precision;
  readonly mmprojOuttype: Outtype;
  /** Folder of the store. */
  readonly home: string;
  readonly converter: Converter;
  /** Undefined if the backend has none. */
  readonly quantizer: Quantizer | undefined;
  readonly onProgress: (progress: ConversionProgress) => void;
  readonly log: (level: LogLevel, message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * The GGUF files of a checkpoint: those of an earlier conversion if checkpoint, converter and precision are unchanged,
 * new ones otherwise. Concurrent processes share one conversion. In the store, `converted/<name>-<precision>-<key>` is
 * complete or absent; `converting/<key>.<random>` is work in progress, guarded by `locks/<key>`.
 */
export async function convertOnce(options: ConvertOnceOptions): Promise<ModelFiles> {
  const { sourceDir, source, precision, home, converter, log, signal } = options;
  const settings = settingsOf(options);
  const key = conversionKey(source, settings);
  const destination = join(home, 'converted', `${nameOf(source)}-${precision}-${key}`);

  const ready = await readConverted(destination);
  if (ready !== undefined) {
    log('debug', `Already converted: ${destination}`);
    return ready;
  }
  const onWait = (owner: { pid: number } | undefined) => {
    const who = owner === undefined ? 'Another vserve' : `Another vserve (process ${owner.pid})`;
    log('info', `${who} is converting this model: waiting for it.`);
  };
  return withLock(lockPath(home, key), { signal, onWait }, async () => {
    const finished = await readConverted(destination);
    if (finished !== undefined) return finished;
    if (existsSync(destination)) log('warning', `${destination} is damaged: converting again.`);
    await removeLeftovers(home, key);

    const workDir = join(home, 'converting', `${key}.${randomUUID()}`);
    await makeFolder(workDir);
    try {
      const files = await makeModel({ ...options, destinationDir: workDir, modelName: modelNameOf(source.path) });
      signal.throwIfAborted();
      const after = await identifyCheckpoint(sourceDir, converter);
      if (conversionKey(after, settings) !== key) {
        throw new VserveError(
          'checkpoint_invalid',
          `${sourceDir} changed during the conversion. Run the command again.`,
        );
      }
      await writeManifest(workDir, { ...options, settings, files });
      return await publish(workDir, destination);
    } finally {
      await rm(workDir, { recursive: true, force: true });
    }
  });
}

/** Throws `unsupported_capability` if the precision needs a quantizer and there is none. */
function settingsOf({ converter, precision, mmprojOuttype, quantizer }: ConvertOnceOptions): ConversionSettings {
  return {
    converterVersion: converter.converterVersion,
    precision,
    ...(mmprojOuttype === 'auto' ? {} : { mmprojOuttype }),
    ...(needsQuantizer(precision) ? { quantizerVersion: checkQuantizer(precision, quantizer).version } : {}),
  };
}

/** Moves a finished folder into place with one rename. */
async function publish(workDir: string, destination: string): Promise<ModelFiles> {
  await makeFolder(dirname(destination));
  await rm(destination, { recursive: true, force: true });
  await rename(workDir, destination);
  const published = await readConverted(destination);
  if (published !== undefined) return published;
  throw new VserveError('gguf_invalid', `Another program changed the converted model in ${destination}.`);
}

/** A part of a folder's name that users recognize. */
function nameOf({ path, repository }: CheckpointIdentity): string {
  return (repository?.replace('/', '--') ?? basename(path)).replaceAll(/[^\w.-]+/g, '_').slice(0, 60);
}
