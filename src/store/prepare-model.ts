import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { LogLevel, ModelFiles } from '../backend/index.ts';
import type { ConversionProgress, Converter } from '../conversion/index.ts';
import { isAdapterFolder, mergedCheckpoint } from './adapters/merged-checkpoint.ts';
import { VserveError } from '../errors/index.ts';
import { isGguf, isProjectorName } from '../gguf-choice/index.ts';
import { identifyCheckpoint } from './conversions/checkpoint-identity.ts';
import { choose } from './conversions/choose-for-backend.ts';
import type { BackendChoice } from './conversions/choose-for-backend.ts';
import { knownDescription } from './conversions/conversions.ts';
import { convertOnce } from './conversions/convert-once.ts';
import { refuseForeign } from './conversions/foreign-checkpoint.ts';
import { precisionNamed, requirePrecision } from './conversions/precision.ts';
import type { AskedPrecisions } from './conversions/precision.ts';
import { explainDiskError } from './disk/disk-errors.ts';
import {
  ggufOf,
  pullRepository,
  refuseHubOptions,
  refuseTwoProjectors,
  usableMemory,
} from './downloads/pull-repository.ts';
import type { HubAccess } from './downloads/pull-repository.ts';
import { findModel } from './find-model.ts';
import { checkGguf, chooseInFolder, findProjector, requireModel } from './gguf-files.ts';
import type { LocalWish } from './gguf-files.ts';
import { markUse } from './locks/uses.ts';

/** The types convert a checkpoint, or select one of several GGUF files. */
export interface PrepareModelOptions extends AskedPrecisions {
  /** As given to `--model`: a `.gguf` file, a folder of GGUF files or of a checkpoint, a Hugging Face id. */
  readonly model: string;
  /** As given to `--mmproj`: the projector of a GGUF model, on the disk or in its repository. */
  readonly mmproj: string | undefined;
  readonly backend: BackendChoice;
  readonly hub: HubAccess;
  /** Folder of the store. */
  readonly home: string;
  /** Loads the converter when it is needed. */
  readonly loadConverter: () => Promise<Converter>;
  readonly onProgress: (progress: ConversionProgress) => void;
  readonly log: (level: LogLevel, message: string) => void;
  readonly signal: AbortSignal;
}

/** The files of a model, and the folder of the checkpoint that they were converted from. */
interface FoundFiles extends ModelFiles {
  readonly checkpointDir?: string | undefined;
}

/** The files of a model, and the name it was requested by. */
export interface PreparedModel extends FoundFiles {
  readonly name: string;
  /** Marks the files as no longer in use: until then they are not removed from the store. */
  readonly release: () => Promise<void>;
}

/**
 * Finds the files of a model, downloading it from the Hub and converting its checkpoint if necessary.
 * Throws `model_unavailable`, `invalid_setting`, `gguf_invalid`, `shard_missing`, `disk_full`, and what the Hub's client
 * and the converter throw; after an abort, the signal's reason.
 */
export function prepareModel(options: PrepareModelOptions): Promise<PreparedModel> {
  return prepare(options, findFiles);
}

/** The same for a repository of the Hub, even if a path has the same name. Throws the same errors. */
export function pullModel(options: PrepareModelOptions): Promise<PreparedModel> {
  return prepare(options, pullFiles);
}

async function prepare(
  options: PrepareModelOptions,
  find: (options: PrepareModelOptions) => Promise<FoundFiles>,
): Promise<PreparedModel> {
  const home = resolve(options.home);
  try {
    for (;;) {
      const files = await find({ ...options, home });
      const release = await markUse(home, files.modelPath, options.log);
      // Another process may have removed them before they were marked.
      if (existsSync(files.modelPath)) return { ...files, name: options.model, release };
      await release();
    }
  } catch (error) {
    throw explainDiskError(error, home, 'Set VSERVE_HOME to a folder that you can write to.');
  }
}

async function findFiles(options: PrepareModelOptions): Promise<FoundFiles> {
  const location = await findModel(options.model);
  if (location.type === 'repository') return pullFiles(options);
  refuseHubOptions(options.hub, location.path);
  if (location.type === 'file') {
    refusePrecision(location.path, options);
    return openGguf(location.path, options);
  }
  if (await isAdapterFolder(location.path)) return convertFolder(await merged(location.path, options), options);
  const ggufPath = await ggufInFolder(location.path, options.log, wishOf(options));
  return ggufPath === undefined ? convertFolder(location.path, options) : openGguf(ggufPath, options);
}

/** An adapter with its base model. */
function merged(folder: string, options: PrepareModelOptions): Promise<string> {
  const pullCheckpoint = async (id: string): Promise<string> => {
    // The revision is the adapter's.
    const base = await pullRepository(id, { ...options, hub: { ...options.hub, revision: 'main' } });
    if (base.gguf === undefined) return base.folder;
    const message = `The adapter ${folder} is for ${id}, whose repository holds GGUF files: an adapter is merged into a checkpoint.`;
    throw new VserveError('model_unavailable', message, { param: 'model' });
  };
  return mergedCheckpoint(folder, { ...options, pullCheckpoint });
}

async function pullFiles(options: PrepareModelOptions): Promise<FoundFiles> {
  const model = await pullRepository(options.model, options);
  if (await isAdapterFolder(model.folder)) return convertFolder(await merged(model.folder, options), options);
  return (await ggufOf(model, options)) ?? convertFolder(model.folder, options);
}

function wishOf({ precision, mmprojOuttype, backend, log, signal }: PrepareModelOptions): LocalWish {
  return {
    encoding: precision,
    mmprojEncoding: mmprojOuttype,
    memoryBytes: () => usableMemory(backend, signal),
    warn: (message) => log('warning', message),
  };
}

/** The GGUF model of a folder; undefined if the folder is a checkpoint. */
export async function ggufInFolder(
  folder: string,
  log: PrepareModelOptions['log'],
  wish: LocalWish,
): Promise<string | undefined> {
  const names = await readdir(folder);
  const isGgufOnly = precisionNamed(wish.encoding) === undefined;
  if (names.some((name) => name.endsWith('.safetensors')) && !isGgufOnly) {
    const gguf = names.find((name) => isGguf(name) && !isProjectorName(name));
    if (gguf !== undefined) log('info', `${folder} also holds ${gguf}: to serve it instead, give its path.`);
    return undefined;
  }
  const model = await chooseInFolder(folder, wish);
  if (model !== undefined || names.includes('config.json')) return model;
  throw new VserveError(
    'model_unavailable',
    `${folder} holds no model: neither a .gguf file nor a Hugging Face checkpoint (config.json and *.safetensors).`,
    { param: 'model' },
  );
}

function refusePrecision(modelPath: string, { precision }: PrepareModelOptions): void {
  if (precision === 'auto') return;
  throw new VserveError(
    'invalid_setting',
    `--quantization-encoding converts a checkpoint or selects one of several GGUF files; ${modelPath} is a single file. Remove the option.`,
    { param: 'quantizationEncoding' },
  );
}

async function openGguf(modelPath: string, options: PrepareModelOptions): Promise<ModelFiles> {
  const { mmproj, log } = options;
  await checkGguf(modelPath);
  await requireModel(modelPath);
  refuseTwoProjectors(options);
  const mmprojPath = mmproj === undefined ? await findProjector(modelPath, wishOf(options)) : resolve(mmproj);
  if (mmprojPath === undefined) {
    log('info', `No projector (mmproj) beside ${modelPath}: serving text only. For images, give one with --mmproj.`);
  } else {
    await checkGguf(mmprojPath);
  }
  return { modelPath, mmprojPath };
}

async function convertFolder(sourceDir: string, options: PrepareModelOptions): Promise<FoundFiles> {
  if (options.mmproj !== undefined) {
    throw new VserveError(
      'invalid_setting',
      `--mmproj is for a .gguf model: converting ${sourceDir} produces its own projector. Remove the option.`,
      { param: 'mmproj' },
    );
  }
  requirePrecision(options.precision);
  await refuseForeign(sourceDir);
  const converter = await options.loadConverter();
  const source = await identifyCheckpoint(sourceDir, converter);
  const description =
    (await knownDescription(options.home, source, converter)) ??
    (await converter.describeCheckpoint(sourceDir, options.signal));
  const choice = await choose(options.precision, description, options.backend, options);
  const files = await convertOnce({ ...options, ...choice, sourceDir, source, description, converter });
  return { ...files, checkpointDir: sourceDir };
}
