import { resolve } from 'node:path';
import type { LoadOptions, LoadSettings } from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import type { MemorySize } from './memory-budget.ts';
import type { ModelHeader } from './model-header.ts';
import type { NativeAddon } from './native-addon.ts';
import type { AddonModel, OpenBinary } from './open-binary.ts';

/** How weights are read into memory. */
export type WeightSettings = Pick<LoadSettings, 'mmap' | 'mlock'> & Pick<ModelHeader, 'mayRepack'>;

/**
 * A model whose weights llama.cpp reads, on the CPU, while this thread is busy with node-llama-cpp's modules. node-llama-cpp's
 * own object for it comes later.
 */
export class BegunModel {
  readonly addonModel: AddonModel;
  /** Resolves to false, or rejects, where llama.cpp could not load it. */
  readonly loaded: Promise<boolean>;
  #isTaken = false;

  constructor(addonModel: AddonModel, signal: AbortSignal) {
    this.addonModel = addonModel;
    const abort = (): void => addonModel.abortActiveModelLoad();
    signal.addEventListener('abort', abort);
    this.loaded = addonModel.init().finally(() => signal.removeEventListener('abort', abort));
    // Somebody waits for it later.
    this.loaded.catch(() => undefined);
  }

  /** For who disposes of it from now on. */
  take(): AddonModel {
    this.#isTaken = true;
    return this.addonModel;
  }

  /** Frees a model that nobody has taken. */
  async abandon(): Promise<void> {
    if (this.#isTaken) return;
    this.#isTaken = true;
    this.addonModel.abortActiveModelLoad();
    await this.loaded.catch(() => undefined);
    await this.addonModel.dispose();
  }
}

/** What a load has begun with, before node-llama-cpp's modules were there. */
export interface Beginning {
  readonly binary: OpenBinary;
  readonly model: BegunModel;
  /** Of this machine, before the weights were read. */
  readonly ramBefore: MemorySize;
}

/** Begins to read the weights of a model of one file, whose header was tried. Throws `invalid_setting`. */
export function beginModel(
  { binding }: OpenBinary,
  addon: NativeAddon,
  modelPath: string,
  { mmap, mlock, mayRepack }: WeightSettings,
  { onProgress, signal }: Pick<LoadOptions, 'onProgress' | 'signal'>,
): BegunModel {
  const supportsMlock = binding.getSupportsMlock();
  requireMlock(mlock, supportsMlock);
  const addonModel = new binding.AddonModel(resolve(modelPath), {
    addonExports: binding,
    gpuLayers: 0,
    vocabOnly: false,
    useMmap: mmap && binding.getSupportsMmap(),
    useDirectIo: false,
    ...(supportsMlock && { useMlock: mlock }),
    checkTensors: false,
    lazyMode: false,
    onLoadProgress: (fraction: number) => onProgress('model', fraction),
    hasLoadAbortSignal: true,
  });
  if (mustStayAsInFile(binding.systemInfo(), mayRepack)) addon.keepWeightsAsInFile(addonModel);
  return new BegunModel(addonModel, signal);
}

/** Throws `invalid_setting`. */
export function requireMlock(mlock: boolean, isSupported: boolean): void {
  if (!mlock || isSupported) return;
  throw new VserveError('invalid_setting', '--mlock is not possible on this system. Leave it out.');
}

/**
 * Whether weights must stay laid out as in the file. On a CPU with AMX, ggml lays matrices out anew, and takes a stack of
 * them for one: a model whose graph multiplies by a stack gives nonsense, or ends the process (Kimi-VL's and DeepSeek's
 * latent attention, Gemma 3n). Of rows of 32 numbers its products are wrong.
 */
export function mustStayAsInFile(systemInfo: string, mayRepack: boolean): boolean {
  return !mayRepack && systemInfo.includes('AMX_INT8 = 1');
}
