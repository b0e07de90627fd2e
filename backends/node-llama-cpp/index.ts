import type { GgufFileInfo, LlamaModel } from 'node-llama-cpp';
import type {
  Backend,
  LoadOptions,
  LoadSettings,
  ModelFiles,
  ModelInfo,
  SamplingSettings,
} from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import { admit } from './admission.ts';
import { contextFlashAttention } from './context-flash-attention.ts';
import { bundledSource, dryRunProgram, installedNodeLlamaCppVersion, loadNativeAddon } from './addon-loader.ts';
import { usableCpus } from './cpu-limit.ts';
import { deviceMemory, machineMemory } from './device-memory.ts';
import { parseDevices } from './devices.ts';
import { dryRun } from './dry-run.ts';
import { placementFor } from './image-placement.ts';
import { loadModel, quieten, startLlama } from './llama-model.ts';
import { LoadedLlama } from './loaded-llama.ts';
import { type ModelHeader, readModelHeader, readProjectorType } from './model-header.ts';
import { quantize } from './quantize.ts';
import { splitFiles } from './split-files.ts';
import { chooseThreads, computeThreads } from './threads.ts';

/** Of the encoded images that are cached; one of Gemma 3 27B takes 5.5 MB. */
const cachedImageBytes = 1024 ** 3;
/** Of KV cells that are kept outside of the context: as much as the context has, at least, at most, and of the machine. */
const leastKvCopyBytes = 64 * 1024 ** 2;
const mostKvCopyBytes = 1024 ** 3;
const kvCopyShare = 1 / 16;
const mostSequences = 255;

/** llama.cpp through node-llama-cpp, with our own engine on top: Metal, CUDA, Vulkan, or the CPU. */
const backend: Backend = {
  name: 'node-llama-cpp',
  async check() {
    dryRunProgram();
  },
  load,
  quantizer: { version: `node-llama-cpp ${installedNodeLlamaCppVersion()}`, quantize },
  converterSource: bundledSource(),
  deviceMemory,
};
export default backend;

async function load(files: ModelFiles, settings: LoadSettings, options: LoadOptions): Promise<LoadedLlama> {
  checkKvCache(settings);
  checkMaxBatchSize(settings);
  // Starting llama.cpp is waiting, for a process that tries its binaries.
  const [llama, { trainedLength, mayRepack, projectorType }] = await Promise.all([
    startLlama(parseDevices(settings.devices), options),
    examine(files, options.signal),
  ]);
  let model: LlamaModel | undefined;
  try {
    const addon = loadNativeAddon(llama);
    addon.explainBusErrors([
      ...splitFiles(files.modelPath),
      ...(files.mmprojPath === undefined ? [] : [files.mmprojPath]),
    ]);
    const maxLength = checkMaxLength(settings.maxLength, trainedLength);
    const ramBefore = await machineMemory();
    const likelyLength = Math.min(maxLength ?? trainedLength, 8192);
    const loaded = await loadModel(llama, addon, files.modelPath, likelyLength, { ...settings, mayRepack }, options);
    model = loaded;

    const template = (loaded.fileInfo.metadata as { tokenizer?: { chat_template?: unknown } }).tokenizer?.chat_template;
    if (template === undefined) {
      options.log(
        'warning',
        `${files.modelPath} has no chat template, so ChatML stands in: the model may not know it.`,
      );
    }
    const useGpu = llama.gpu !== false;
    const { maxBatchInputTokens } = settings;
    const admission = await admit({ llama, model: loaded, files, settings, trainedLength, ramBefore });
    const { maxSequences } = admission;
    options.log('info', admission.description);
    const info: ModelInfo = {
      capabilities: { vision: files.mmprojPath !== undefined },
      contextLength: admission.maxLength,
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
            imagePlacement: placementFor(projectorType ?? ''),
            contextCells: admission.cells,
            maxLength: admission.maxLength,
            maxSequences,
            batchTokens: Math.max(maxBatchInputTokens, maxSequences),
            ...chooseThreads(settings, loaded.size, computeThreads(llama), options.log),
            cpus: usableCpus(),
            useGpu,
            flashAttention: contextFlashAttention(settings),
            encoderFlashAttention: settings.flashAttention,
            kvCacheFormat: settings.kvCacheFormat,
            enablePrefixCaching: settings.enablePrefixCaching,
            kvCopyBytes: Math.floor(
              Math.min(
                Math.max(leastKvCopyBytes, admission.bytes),
                mostKvCopyBytes,
                ramBefore.totalBytes * kvCopyShare,
              ),
            ),
            maxVisionCacheEntries: settings.maxVisionCacheEntries,
            cachedImageBytes,
            mmprojEncoding: settings.mmprojEncoding,
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

/** What the files' headers say, once it is known that llama.cpp survives them. */
async function examine(
  files: ModelFiles,
  signal: AbortSignal,
): Promise<ModelHeader & { readonly projectorType: string | undefined }> {
  const [header, projectorType] = await Promise.all([
    readModelHeader(files.modelPath),
    files.mmprojPath === undefined ? undefined : readProjectorType(files.mmprojPath),
  ]);
  await dryRun(files, signal);
  return { ...header, projectorType };
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

/** llama.cpp has 256 sequences; the engine keeps one for itself. */
function checkMaxBatchSize({ maxBatchSize }: LoadSettings): void {
  if (maxBatchSize === undefined || maxBatchSize <= mostSequences) return;
  throw new VserveError(
    'invalid_setting',
    `--max-batch-size ${String(maxBatchSize)} is more than llama.cpp can run at a time. At most ${String(mostSequences)} is possible.`,
  );
}

/** llama.cpp reads a quantized cache of values by flash attention only. */
function checkKvCache({ kvCacheFormat, flashAttention }: LoadSettings): void {
  if (flashAttention === 'off' && !['f16', 'bf16', 'f32'].includes(kvCacheFormat)) {
    throw new VserveError(
      'invalid_setting',
      `--kv-cache-format ${kvCacheFormat} needs flash attention: leave out --flash-attn off, or take f16.`,
    );
  }
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
