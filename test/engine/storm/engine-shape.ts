import { loadNativeAddon } from '../../../backends/node-llama-cpp/addon-loader.ts';
import { parseDevices } from '../../../backends/node-llama-cpp/devices.ts';
import { placementFor } from '../../../backends/node-llama-cpp/image-placement.ts';
import { loadModel, quieten, startLlama } from '../../../backends/node-llama-cpp/llama-model.ts';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import { readModelHeader, readProjectorHeader } from '../../../backends/node-llama-cpp/model-header.ts';
import type { NativeEngineOptions } from '../../../backends/node-llama-cpp/native-addon.ts';
import type { ModelFiles } from '../../../src/backend/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';
import type { Choices } from './choices.ts';
import type { Precision } from './families.ts';

const silent = (): void => undefined;

/** How an engine's caches and steps are laid out: what an answer must not depend on, but for rounding. */
export type EngineShape = Pick<
  NativeEngineOptions,
  | 'maxSequences'
  | 'contextCells'
  | 'separateCells'
  | 'maxLength'
  | 'batchTokens'
  | 'threads'
  | 'kvCacheFormat'
  | 'flashAttention'
  | 'enablePrefixCaching'
  | 'kvCopyBytes'
  | 'maxVisionCacheEntries'
>;

/** An engine that computes one request after the other, each from its beginning. Only pictures are encoded once. */
export function plainShape(maxLength: number, precision: Precision): EngineShape {
  return {
    ...numbersOf(precision),
    maxSequences: 1,
    contextCells: maxLength,
    separateCells: true,
    maxLength,
    batchTokens: 512,
    threads: 1,
    enablePrefixCaching: false,
    kvCopyBytes: 0,
    maxVisionCacheEntries: 64,
  };
}

/** A shape for a storm: few cells make requests push one another out, small steps cut prompts into many pieces. */
export function stormyShape(maxLength: number, precision: Precision, choices: Choices): EngineShape {
  const maxSequences = choices.pick([2, 3, 4, 8, 16]);
  const separateCells = choices.chance(0.5);
  const sharedCells = Math.floor(maxLength * choices.pick([1, 1.3, 2, maxSequences]));
  return {
    ...numbersOf(precision),
    maxSequences,
    separateCells,
    contextCells: separateCells ? maxLength : sharedCells,
    maxLength,
    batchTokens: Math.max(maxSequences, choices.pick([1, 7, 64, 512])),
    threads: choices.pick([1, 1, 1, 1, 1, 1, 1, 2]),
    enablePrefixCaching: choices.chance(0.9),
    kvCopyBytes: choices.pick([0, 1e6, 64e6]),
    maxVisionCacheEntries: choices.pick([0, 2, 64]),
  };
}

function numbersOf({
  kvCacheFormat,
  flashAttention,
}: Precision): Pick<EngineShape, 'kvCacheFormat' | 'flashAttention'> {
  return { kvCacheFormat, flashAttention };
}

/** Loads a model on the CPU with an engine of this shape. The caller closes it. */
export async function loadShaped(files: ModelFiles, shape: EngineShape): Promise<LoadedLlama> {
  const { mmprojPath = '' } = files;
  const options = { onProgress: silent, log: silent, signal: new AbortController().signal };
  const llama = await startLlama(parseDevices('cpu'), options);
  const addon = loadNativeAddon(llama);
  const { mayRepack } = await readModelHeader(files.modelPath);
  const settings = { ...defaultLoadSettings, mayRepack };
  const model = await loadModel(llama, addon, files.modelPath, undefined, settings, options);
  const info = {
    capabilities: { vision: mmprojPath !== '' },
    contextLength: shape.maxLength,
    maxBatchSize: shape.maxSequences,
    samplingDefaults: {},
    device: 'cpu',
  };
  const engineOptions: NativeEngineOptions = {
    ...shape,
    mmprojPath,
    imagePlacement: mmprojPath === '' ? undefined : placementFor((await readProjectorHeader(mmprojPath)).type),
    endTokens: [],
    threadsBatch: shape.threads,
    threadsAdapt: false,
    threadsBatchAdapt: false,
    throttleCounter: undefined,
    cpus: shape.threads,
    useGpu: false,
    imageDefaults: {},
    largestImage: {},
    maxImageTokens: undefined,
    encoderBytes: undefined,
    encoderFlashAttention: 'auto',
    cachedImageBytes: 1024 ** 3,
    mmprojEncoding: 'original',
  };
  // Where node-llama-cpp keeps its own addon's object: not in its types, but fixed by the pinned version.
  const { _model } = model as unknown as { _model: object };
  const loaded = await LoadedLlama.load(
    model,
    info,
    (onEvents, onPiece) => new addon.NativeEngine(_model, engineOptions, onEvents, silent, onPiece),
  );
  quieten(llama, silent);
  return loaded;
}
