import { stat } from 'node:fs/promises';
import { GgmlType, type LlamaModel } from 'node-llama-cpp';
import type { KvCacheFormat, LoadSettings, ModelFiles } from '../../src/backend/index.ts';
import { formatBytes } from '../../src/formats/format-bytes.ts';
import { contextFlashAttention } from './context-flash-attention.ts';
import { sharedContextBytes } from './context-memory.ts';
import { type ContextSize, fitContext } from './context-size.ts';
import { boundingBytes, contextBudget, type GpuDevice, gpuBudgets, type MemoryUse } from './device-budget.ts';
import { defaultSequences, isOnGpu, type Placement } from './device-defaults.ts';
import { embedderMemory, type EmbedderShape } from './embedder-size.ts';
import { memoryBudget, type MemorySize } from './memory-budget.ts';

/** Clearing so much at the start takes about a second. */
const plentyOfBytes = 4 * 1024 ** 3;
/** Of the context that an image's tokens are computed in beside other requests, on a CPU (`native/src/image-prefill.cpp`). */
const asideCells = 8192;

/** The types of a KV cache, as node-llama-cpp numbers them. */
export const ggmlTypes: Readonly<Record<KvCacheFormat, GgmlType>> = {
  f32: GgmlType.F32,
  f16: GgmlType.F16,
  bf16: GgmlType.BF16,
  q8_0: GgmlType.Q8_0,
  q5_1: GgmlType.Q5_1,
  q5_0: GgmlType.Q5_0,
  q4_1: GgmlType.Q4_1,
  q4_0: GgmlType.Q4_0,
  iq4_nl: GgmlType.IQ4_NL,
};

/** The memory of a model that is loaded, before its context is. */
export interface LoadedMemory {
  readonly files: ModelFiles;
  readonly settings: LoadSettings;
  /** Of this machine, before the model was loaded: mapped weights do not count as used. */
  readonly ramBefore: MemorySize;
  readonly placement: Placement;
  /** The GPUs, with the weights on them, and how many layers each has. */
  readonly gpus: readonly GpuDevice[];
  readonly layersOfGpus: readonly number[];
  /** In which the largest picture is encoded, on the first GPU or in main memory. */
  readonly encoderBytes: number;
}

/** What the context is fitted to. */
export interface AdmissionRequest extends LoadedMemory {
  readonly model: LlamaModel;
  /** What the model was trained for, in tokens. */
  readonly trainedLength: number;
  readonly batchTokens: number;
  /** Has a context of its own beside; undefined for none. */
  readonly embedder?: EmbedderShape | undefined;
}

/** A context that fits, and in words how it was chosen. */
export interface Admission extends ContextSize {
  readonly description: string;
}

/** Fits the context and the number of conversations to the memory of the devices that have the model's layers. */
export async function admit(request: AdmissionRequest): Promise<Admission> {
  const { model, files, settings, trainedLength, placement, batchTokens } = request;
  const onGpu = placement.gpuLayers > 0;
  const { deviceMemoryUtilization, kvCacheFormat } = settings;
  const budgets = await budgetsBesideEmbedder(request);
  const budgetBytes = onGpu ? budgets.gpuVram : budgets.cpuRam;
  const flashAttention = contextFlashAttention(settings);
  const estimateSeparate = async (contextSize: number, sequences: number, swaFullCache: boolean): Promise<number> => {
    const { cpuRam, gpuVram } = await model.fileInsights.estimateContextResourceRequirementsV2({
      contextSize,
      sequences,
      swaFullCache,
      modelGpuLayers: model.gpuLayers,
      batchSize: batchTokens,
      flashAttention: flashAttention === 'auto' ? 'auto' : flashAttention === 'on',
      kvCacheKeyType: ggmlTypes[kvCacheFormat],
      kvCacheValueType: ggmlTypes[kvCacheFormat],
    });
    if (!onGpu) return cpuRam;
    return isOnGpu(placement) ? gpuVram : boundingBytes({ gpuVram, cpuRam }, budgets);
  };
  const asideImages = !onGpu && files.mmprojPath !== undefined;
  const size = await fitContext({
    trainedLength,
    maxLength: settings.maxLength,
    maxSequences: settings.maxBatchSize,
    defaultSequences: defaultSequences(placement),
    budgetBytes,
    mostSeparateBytes: onGpu ? budgetBytes : plentyOfBytes,
    estimateBytes: async ({ cells, sequences, separate }) => {
      const context = separate
        ? await estimateSeparate(cells, sequences, false)
        : await sharedContextBytes(
            { windowCells: model.fileInsights.swaSize, batchTokens, cells, slots: sequences },
            estimateSeparate,
          );
      return asideImages ? context + (await estimateSeparate(Math.min(cells, asideCells), 1, false)) : context;
    },
  });
  const percent = String(Math.round(deviceMemoryUtilization * 100));
  const available = `${formatBytes(Math.max(0, budgetBytes))} that ${percent} % of the ${describeDevices(request)} leaves`;
  return {
    ...size,
    description:
      `Context: ${describeCells(size)}: ` +
      `${formatBytes(size.bytes)} (${kvCacheFormat}), of the ${available} beside the weights${request.embedder === undefined ? '' : ', embeddings'} and other programs${adviceFor(size)}`,
  };
}

function describeDevices({ placement, gpus, ramBefore }: AdmissionRequest): string {
  if (placement.gpuLayers === 0) return `machine's ${formatBytes(ramBefore.totalBytes)}`;
  return `${gpus.length > 1 ? `${String(gpus.length)} GPUs'` : "GPU's"} ${formatBytes(placement.gpuTotalBytes)}`;
}

async function budgetsBesideEmbedder(request: AdmissionRequest): Promise<MemoryUse> {
  const { gpuVram, cpuRam } = await budgetsOf(request);
  if (request.embedder === undefined) return { gpuVram, cpuRam };
  const taken = await embedderMemory(request.model, request.embedder);
  return { gpuVram: Math.max(0, gpuVram - taken.gpuVram), cpuRam: cpuRam - taken.cpuRam };
}

/** What a context may take of the GPUs and of main memory. On a GPU the weights are there by now; the projector is not. */
export async function budgetsOf(request: LoadedMemory): Promise<MemoryUse> {
  const { files, settings, placement, ramBefore, gpus, encoderBytes } = request;
  const utilization = settings.deviceMemoryUtilization;
  const [modelBytes, mmprojBytes] = [await sizeOf(files.modelPath), await sizeOf(files.mmprojPath)];
  const adapterBytes = await adapterBytesOf(files);
  const onGpu = placement.gpuLayers > 0;
  const perGpu = onGpu ? gpuBudgets(gpus, utilization, mmprojBytes + encoderBytes) : [];
  const weightsInRam = modelBytes * (1 - placement.gpuLayers / placement.totalLayers);
  return {
    // Adapters are where the layers are.
    gpuVram: Math.max(0, contextBudget(perGpu, request.layersOfGpus) - adapterBytes),
    cpuRam: memoryBudget(
      ramBefore,
      utilization,
      weightsInRam + (onGpu ? 0 : mmprojBytes + encoderBytes + adapterBytes),
    ),
  };
}

/** What main memory has for a context and an encoder, beside weights and projector of a model that the CPU computes. */
export async function ramBeside(files: ModelFiles, settings: LoadSettings, ram: MemorySize): Promise<number> {
  return memoryBudget(
    ram,
    settings.deviceMemoryUtilization,
    (await sizeOf(files.modelPath)) + (await sizeOf(files.mmprojPath)),
  );
}

function describeCells({ maxLength, maxSequences, separate, cells }: ContextSize): string {
  const [length, sequences] = [String(maxLength), String(maxSequences)];
  return separate
    ? `${length} tokens for each of ${sequences} conversations at a time`
    : `${length} tokens a conversation, ${String(cells)} shared by up to ${sequences} at a time`;
}

function adviceFor({ separateLength }: ContextSize): string {
  return separateLength === undefined
    ? ''
    : `. With --max-length ${String(separateLength)} each conversation has cells of its own, and several are faster`;
}

/** What the LoRA adapters take that will be loaded beside a model: they are no longer in their files then. */
export async function adapterBytesOf({ adapterPaths = [] }: ModelFiles): Promise<number> {
  const sizes = await Promise.all(adapterPaths.map((path) => sizeOf(path)));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

/** Bytes of a file; 0 for none. */
export async function sizeOf(path: string | undefined): Promise<number> {
  return path === undefined ? 0 : (await stat(path)).size;
}
