import type { LoadedModel, LoadOptions, LoadSettings, ModelFiles } from '../../src/backend/index.ts';
import { loadNativeAddon } from './addon-loader.ts';
import { beginModel, type Beginning } from './begun-model.ts';
import { parseDevices } from './devices.ts';
import { type Trial, tryFiles } from './dry-run.ts';
import { type AskedModel, examineFiles } from './examine-files.ts';
import { cpuBinaryFolder, isKnownBinary, mayUseGpu, rememberBinary } from './known-binary.ts';
import { checkKvCache, checkMaxBatchSize, checkMaxLength, checkPooling, checkTemplate } from './load-checks.ts';
import { machineMemory } from './machine-memory.ts';
import { claimStart, openBinary } from './open-binary.ts';
import { filesOf, splitFiles } from './split-files.ts';

/**
 * Loads a model. Reading weights and trying files is done in other threads and processes, so it begins first; node-llama-cpp's
 * modules take this thread meanwhile.
 */
export async function load(files: ModelFiles, settings: LoadSettings, given: LoadOptions): Promise<LoadedModel> {
  checkKvCache(settings);
  checkMaxBatchSize(settings);
  const devices = parseDevices(settings.devices);
  const examined = await examineFiles(files, settings);
  checkMaxLength(settings, examined.trainedLength);
  checkPooling(settings, examined.embedding);
  const progress = new HeldProgress(given.onProgress);
  const ended = new AbortController();
  const signal = AbortSignal.any([given.signal, ended.signal]);
  try {
    const trial = await tryFiles(files, examined.trialOptions, { ...given, signal });
    // Weights that are read meanwhile are of no use when the projector fails.
    trial.pictures.catch((error: unknown) => ended.abort(error));
    const asked = { files, settings, devices, examined };
    const beginning = begin(asked, trial, { ...given, onProgress: progress.take, signal });
    beginning.catch(() => undefined);
    if (trial.isKnown) await beginning;
    const { finishLoad } = await import('./finish-load.ts');
    // Who hears of it has modules to import, too.
    progress.release();
    return await finishLoad(asked, { trial, beginning }, { ...given, signal });
  } catch (error) {
    ended.abort(error);
    throw error;
  }
}

/**
 * Begins to read the weights as soon as it is known that llama.cpp survives them, where node-llama-cpp is not needed for that:
 * on the CPU, from a single file. Undefined elsewhere. Throws what the trial of the model throws, and `invalid_setting`.
 */
async function begin(asked: AskedModel, trial: Trial, options: LoadOptions): Promise<Beginning | undefined> {
  const { files, settings, devices, examined } = asked;
  const folder = cpuBinaryFolder();
  if (folder === undefined || mayUseGpu(devices) || splitFiles(files.modelPath).length > 1) return undefined;
  // A dry run tries the binary's libraries, too.
  if (trial.isKnown && !(await isKnownBinary(options.cacheFolder))) return undefined;
  await trial.model;
  if (!claimStart()) return undefined;
  options.signal.throwIfAborted();
  const binary = await openBinary(folder).catch(() => undefined);
  if (binary === undefined) return undefined; // node-llama-cpp tells why
  const addon = loadNativeAddon({ gpu: false, buildType: 'prebuilt' });
  addon.explainBusErrors(filesOf(files));
  await checkTemplate(settings, examined, addon);
  const ramBefore = await machineMemory();
  const { mayRepack } = examined;
  const model = beginModel(binary, addon, files.modelPath, { ...settings, mayRepack }, options);
  if (!trial.isKnown) await rememberBinary(options.cacheFolder);
  return { binary, model, ramBefore };
}

type OnProgress = LoadOptions['onProgress'];

/** News of the progress of a load, the latest of which is held until it is to be told. */
class HeldProgress {
  readonly #onProgress: OnProgress;
  #held: Parameters<OnProgress> = ['model', 0];
  #isReleased = false;

  constructor(onProgress: OnProgress) {
    this.#onProgress = onProgress;
  }

  readonly take: OnProgress = (...news) => {
    if (this.#isReleased) this.#onProgress(...news);
    else this.#held = news;
  };

  release(): void {
    this.#isReleased = true;
    this.#onProgress(...this.#held);
  }
}
