import type { GgufFileInfo, Llama, LlamaModel } from 'node-llama-cpp';
import type {
  Backend,
  LoadOptions,
  LoadSettings,
  ModelFiles,
  ModelInfo,
  SamplingSettings,
} from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import { installedNodeLlamaCppVersion, loadNativeAddon } from './addon-loader.ts';
import { type ContextSize, fitContext } from './context-size.ts';
import { availableMemoryBytes, deviceMemory } from './device-memory.ts';
import { parseDevices } from './devices.ts';
import { placementFor } from './image-placement.ts';
import { computeThreads, loadModel, quieten, readHeader, startLlama } from './llama-model.ts';
import { LoadedLlama } from './loaded-llama.ts';
import { quantize } from './quantize.ts';

/** Most tokens of one step. Larger batches gain little on a CPU, and delay the other sequences. */
const batchTokens = 512;
const defaultSequences = { cpu: 8, gpu: 16 };
/** As `--max-vision-cache-entries`; an image of Gemma 3 27B takes 5.5 MB. */
const defaultCachedImages = 256;
const cachedImageBytes = 1024 ** 3;
/** The part of the free memory that a context may take. The rest is for the graph, the encoder, and other programs. */
const contextShare = { cpu: 0.5, gpu: 0.85 };

/** llama.cpp through node-llama-cpp, with our own engine on top: Metal, CUDA, Vulkan, or the CPU. */
const backend: Backend = {
  name: 'node-llama-cpp',
  load,
  quantizer: { version: `node-llama-cpp ${installedNodeLlamaCppVersion()}`, quantize },
  deviceMemory,
};
export default backend;

async function load(files: ModelFiles, settings: LoadSettings, options: LoadOptions): Promise<LoadedLlama> {
  const llama = await startLlama(parseDevices(settings.devices), options.log);
  let model: LlamaModel | undefined;
  try {
    const addon = loadNativeAddon(llama);
    const trainedLength = await trainedLengthOf(files.modelPath);
    const maxLength = checkMaxLength(settings.maxLength, trainedLength);
    const projectorType = files.mmprojPath === undefined ? undefined : await projectorTypeOf(files.mmprojPath);
    const loaded = await loadModel(llama, files.modelPath, Math.min(maxLength ?? trainedLength, 8192), options);
    model = loaded;

    const template = (loaded.fileInfo.metadata as { tokenizer?: { chat_template?: unknown } }).tokenizer?.chat_template;
    if (template === undefined) {
      options.log(
        'warning',
        `${files.modelPath} has no chat template, so ChatML stands in: the model may not know it.`,
      );
    }
    const useGpu = llama.gpu !== false;
    const maxSequences = settings.maxBatchSize ?? defaultSequences[useGpu ? 'gpu' : 'cpu'];
    const size = await sizeContext(llama, loaded, { trainedLength, maxLength, maxSequences });
    options.log('info', describe(size, maxSequences));
    const placement = placementFor(projectorType ?? '');
    const info: ModelInfo = {
      capabilities: { vision: files.mmprojPath !== undefined },
      contextLength: size.maxLength,
      maxBatchSize: maxSequences,
      samplingDefaults: samplingDefaultsOf(loaded.fileInfo),
      device: llama.gpu !== false ? `${llama.gpu}: ${(await llama.getGpuDeviceNames()).join(', ')}` : 'cpu',
    };
    const engine = await LoadedLlama.load(
      loaded,
      info,
      (onEvents) =>
        new addon.NativeEngine(
          // Where node-llama-cpp keeps its own addon's object: not in its types, but fixed by the pinned version.
          (loaded as unknown as { _model: object })._model,
          {
            mmprojPath: files.mmprojPath ?? '',
            imagePrefix: placement.before,
            imageSuffix: placement.after,
            contextCells: size.cells,
            maxLength: size.maxLength,
            maxSequences,
            batchTokens: Math.max(batchTokens, maxSequences),
            threads: computeThreads(llama),
            useGpu,
            keepPrefixes: settings.prefixCaching ?? true,
            cachedImages: settings.maxVisionCacheEntries ?? defaultCachedImages,
            cachedImageBytes,
            mmprojEncoding: settings.mmprojEncoding ?? 'auto',
          },
          onEvents,
          (fraction) => {
            options.onProgress('projector', fraction);
          },
        ),
    );
    if (info.capabilities.vision) {
      const { visionKernel } = engine;
      const how = visionKernel === '' ? "in its weights' types (ggml)" : `in float32 (${visionKernel})`;
      options.log('info', `Vision encoder: multiplies ${how}`);
    }
    quieten(llama, options.log);
    return engine;
  } catch (error) {
    await model?.dispose();
    throw error;
  }
}

async function trainedLengthOf(modelPath: string): Promise<number> {
  const { metadata, architectureMetadata } = await readHeader(modelPath);
  if ((metadata.general.architecture as string) === 'clip') {
    throw new VserveError(
      'gguf_invalid',
      `${modelPath} is a vision projector. Give it as --mmproj, and the text model as --model.`,
    );
  }
  const length = Number(architectureMetadata.context_length);
  if (!(length > 0)) {
    throw new VserveError('gguf_invalid', `${modelPath} does not say which context length its model has.`);
  }
  return length;
}

function checkMaxLength(maxLength: number | undefined, trainedLength: number): number | undefined {
  if (maxLength !== undefined && maxLength > trainedLength) {
    throw new VserveError(
      'invalid_setting',
      `--max-length ${String(maxLength)} is more than the model was trained for. At most ${String(trainedLength)} is possible.`,
    );
  }
  return maxLength;
}

/** The projector's type. Throws `gguf_invalid` for a file that is no vision projector. */
async function projectorTypeOf(mmprojPath: string): Promise<string> {
  const { metadata } = await readHeader(mmprojPath);
  const clip = (metadata as { clip?: { projector_type?: unknown; vision?: { projector_type?: unknown } } }).clip;
  const type = clip?.projector_type ?? clip?.vision?.projector_type;
  if (typeof type !== 'string') {
    throw new VserveError(
      'gguf_invalid',
      `${mmprojPath} is not a vision projector (mmproj): it names no projector type.`,
    );
  }
  return type;
}

async function sizeContext(
  llama: Llama,
  model: LlamaModel,
  wanted: { trainedLength: number; maxLength: number | undefined; maxSequences: number },
): Promise<ContextSize> {
  const onGpu = llama.gpu !== false && model.gpuLayers > 0;
  const freeBytes = onGpu ? (await llama.getVramState()).free : await availableMemoryBytes();
  return fitContext({
    ...wanted,
    budgetBytes: freeBytes * contextShare[onGpu ? 'gpu' : 'cpu'],
    estimateBytes: async (cells) => {
      const { cpuRam, gpuVram } = await model.fileInsights.estimateContextResourceRequirementsV2({
        contextSize: cells,
        modelGpuLayers: model.gpuLayers,
        batchSize: batchTokens,
        sequences: 1,
        flashAttention: 'auto',
      });
      return onGpu ? gpuVram : cpuRam;
    },
  });
}

function describe(size: ContextSize, maxSequences: number): string {
  return `Context: ${String(size.maxLength)} tokens a conversation, ${String(size.cells)} shared by up to ${String(maxSequences)} at a time`;
}

/** A GGUF file keeps the model's generation_config under `general.sampling.*`. */
function samplingDefaultsOf({ metadata }: GgufFileInfo): Partial<SamplingSettings> {
  const sampling = (metadata.general as { sampling?: Record<string, unknown> }).sampling ?? {};
  const number = (key: string): number | undefined => {
    const value = sampling[key];
    return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined;
  };
  const found = {
    temperature: number('temp'),
    topP: number('top_p'),
    topK: number('top_k'),
    minP: number('min_p'),
    repetitionPenalty: number('penalty_repeat'),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}
