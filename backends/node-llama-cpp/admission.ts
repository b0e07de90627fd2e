import { stat } from 'node:fs/promises';
import { GgmlType, type Llama, type LlamaModel } from 'node-llama-cpp';
import type { KvCacheFormat, LoadSettings, ModelFiles } from '../../src/backend/index.ts';
import { formatBytes } from '../../src/formats/format-bytes.ts';
import { contextFlashAttention } from './context-flash-attention.ts';
import { sharedContextBytes } from './context-memory.ts';
import { type ContextSize, fitContext } from './context-size.ts';
import { gpuMemory, type MemorySize } from './device-memory.ts';
import { memoryBudget } from './memory-budget.ts';

const defaultSequences = { cpu: 8, gpu: 16 };
/** Clearing so much at the start takes about a second. */
const plentyOfBytes = 4 * 1024 ** 3;
/** Of the context that an image's tokens are computed in beside other requests, on a CPU (`native/src/image-prefill.cpp`). */
const asideCells = 8192;

const ggmlTypes: Readonly<Record<KvCacheFormat, GgmlType>> = {
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

/** What the context is fitted to. */
export interface AdmissionRequest {
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly files: ModelFiles;
  readonly settings: LoadSettings;
  /** What the model was trained for, in tokens. */
  readonly trainedLength: number;
  /** Of this machine, before the model was loaded: mapped weights do not count as used. */
  readonly ramBefore: MemorySize;
}

/** A context that fits, and in words how it was chosen. */
export interface Admission extends ContextSize {
  readonly description: string;
}

/** Fits the context and the number of conversations to the memory of the device that has the model's layers. */
export async function admit(request: AdmissionRequest): Promise<Admission> {
  const { llama, model, files, settings, trainedLength, ramBefore } = request;
  const onGpu = llama.gpu !== false && model.gpuLayers > 0;
  const memory = onGpu ? await gpuMemory(llama) : ramBefore;
  // On a GPU the weights are there by now; the projector is not.
  const neededBytes = (await sizeOf(files.mmprojPath)) + (onGpu ? 0 : await sizeOf(files.modelPath));
  const { deviceMemoryUtilization, kvCacheFormat, maxBatchInputTokens } = settings;
  const budgetBytes = memoryBudget(memory, deviceMemoryUtilization, neededBytes);
  const flashAttention = contextFlashAttention(settings);
  const estimateSeparate = async (contextSize: number, sequences: number, swaFullCache: boolean): Promise<number> => {
    const { cpuRam, gpuVram } = await model.fileInsights.estimateContextResourceRequirementsV2({
      contextSize,
      sequences,
      swaFullCache,
      modelGpuLayers: model.gpuLayers,
      batchSize: maxBatchInputTokens,
      flashAttention: flashAttention === 'auto' ? 'auto' : flashAttention === 'on',
      kvCacheKeyType: ggmlTypes[kvCacheFormat],
      kvCacheValueType: ggmlTypes[kvCacheFormat],
    });
    return onGpu ? gpuVram : cpuRam;
  };
  const asideImages = !onGpu && files.mmprojPath !== undefined;
  const size = await fitContext({
    trainedLength,
    maxLength: settings.maxLength,
    maxSequences: settings.maxBatchSize,
    defaultSequences: defaultSequences[onGpu ? 'gpu' : 'cpu'],
    budgetBytes,
    mostSeparateBytes: onGpu ? budgetBytes : plentyOfBytes,
    estimateBytes: async ({ cells, sequences, separate }) => {
      const context = separate
        ? await estimateSeparate(cells, sequences, false)
        : await sharedContextBytes(
            { windowCells: model.fileInsights.swaSize, batchTokens: maxBatchInputTokens, cells, slots: sequences },
            estimateSeparate,
          );
      return asideImages ? context + (await estimateSeparate(Math.min(cells, asideCells), 1, false)) : context;
    },
  });
  const percent = String(Math.round(deviceMemoryUtilization * 100));
  const available = `${formatBytes(Math.max(0, budgetBytes))} that ${percent} % of the ${onGpu ? 'GPU' : 'machine'}'s ${formatBytes(memory.totalBytes)} leaves`;
  return {
    ...size,
    description:
      `Context: ${describeCells(size)}: ` +
      `${formatBytes(size.bytes)} (${kvCacheFormat}), of the ${available} beside the weights and other programs${adviceFor(size)}`,
  };
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

async function sizeOf(path: string | undefined): Promise<number> {
  return path === undefined ? 0 : (await stat(path)).size;
}
