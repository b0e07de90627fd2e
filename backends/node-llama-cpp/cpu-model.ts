import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GgmlType, type GgufFileInfo, GgufInsights, type Llama, LlamaModel, readGgufFileInfo } from 'node-llama-cpp';
import type { LoadOptions } from '../../src/backend/index.ts';
import { headerWithoutVocabulary } from '../../src/gguf/without-vocabulary.ts';
import type { BegunModel } from './begun-model.ts';
import type { AddonModel } from './open-binary.ts';

/**
 * What node-llama-cpp's own way of loading does is reading a model's vocabulary once in JavaScript and once more in a model
 * that stands in for the one to load, to find out how many layers a GPU has room for. The CPU needs neither. These are
 * node-llama-cpp's own objects: not in its types, but fixed by the pinned version.
 */
interface Inside {
  readonly _model: AddonModel;
}
type ModelClass = new (options: object, inside: object) => LlamaModel & Inside;

/** How a model is loaded that the CPU computes. */
export interface CpuModelOptions extends Pick<LoadOptions, 'signal'> {
  readonly mmap: boolean;
  readonly mlock: boolean;
  readonly onProgress: (fraction: number) => void;
}

/** One model after the other: llama.cpp's log tells of one. */
let loading: Promise<unknown> = Promise.resolve();

/**
 * Loads a model of one file, its layers all on the CPU; one that was `begun`, with the same options, is only waited for. Throws
 * llama.cpp's errors, or the signal's reason.
 */
export async function loadCpuModel(
  llama: Llama,
  modelPath: string,
  options: CpuModelOptions,
  begun?: BegunModel,
): Promise<LlamaModel> {
  const { signal } = options;
  const insights = await insightsOf(llama, modelPath, signal);
  const make = () => newModel(llama, insights, modelPath, options);
  const model = begun === undefined ? make() : madeOf(llama, begun.take(), make);
  const abort = (): void => model._model.abortActiveModelLoad();
  signal.addEventListener('abort', abort);
  try {
    const before = loading;
    const load = () => begun?.loaded ?? model._model.init();
    const loaded = before.then(() => (signal.aborted && begun === undefined ? false : load()));
    loading = loaded.catch(() => undefined);
    const isLoaded = await loaded;
    signal.throwIfAborted();
    if (!isLoaded) throw new Error('Failed to load model');
    return model;
  } catch (error) {
    await model.dispose();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** What estimates memory, by a model of the same shapes that has no vocabulary; where there is none to leave out, with it. */
export async function insightsOf(llama: Llama, modelPath: string, signal: AbortSignal): Promise<GgufInsights> {
  const header = await headerWithoutVocabulary(modelPath);
  const readAll = () => readGgufFileInfo(modelPath, { sourceType: 'filesystem', signal });
  if (header === undefined) return GgufInsights.from(await readAll(), llama);
  // There may be no place to write to.
  const info = await readCopy(header, signal).catch(readAll);
  const source = { type: 'buffer', buffer: header } as const;
  return GgufInsights.from({ ...info, sourceData: [source] }, llama);
}

/** node-llama-cpp reads files only. */
async function readCopy(header: Buffer, signal: AbortSignal): Promise<GgufFileInfo> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-header-'));
  try {
    const path = join(folder, 'header.gguf');
    await writeFile(path, header);
    return await readGgufFileInfo(path, { sourceType: 'filesystem', signal });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Has node-llama-cpp's object for a model take this one of the binding, in place of one that it would make. */
function madeOf<Model>(llama: Llama, addonModel: AddonModel, make: () => Model): Model {
  const inside = llama as unknown as { _bindings: object };
  const bindings = inside._bindings;
  const AddonModel = function (): AddonModel {
    return addonModel;
  };
  inside._bindings = Object.create(bindings, { AddonModel: { value: AddonModel } }) as object;
  try {
    return make();
  } finally {
    inside._bindings = bindings;
  }
}

function newModel(
  llama: Llama,
  insights: GgufInsights,
  modelPath: string,
  { mmap, mlock, onProgress, signal }: CpuModelOptions,
): LlamaModel & Inside {
  const useMmap = mmap && llama.supportsMmap;
  (insights as unknown as { _defaultUseMmap: boolean })._defaultUseMmap = useMmap;
  const settings = {
    modelPath,
    gpuLayers: 0,
    useMmap,
    useDirectIo: false,
    useMlock: mlock,
    loadSignal: signal,
    onLoadProgress: onProgress,
  };
  const inside = {
    _llama: llama,
    _fileInfo: insights.ggufFileInfo,
    _fileInsights: insights,
    _defaultContextFlashAttentionOptionEnabled: 'auto',
    _flashAttentionSupported: insights.flashAttentionSupported,
    _defaultContextFlashAttention: 'auto',
    _defaultContextSwaFullCache: false,
    _defaultContextKvCacheKeyType: GgmlType.F16,
    _defaultContextKvCacheValueType: GgmlType.F16,
    _loadPercentageShift: 0,
    _loadPercentageMultiplier: 1,
  };
  return new (LlamaModel as unknown as ModelClass)(settings, inside);
}
