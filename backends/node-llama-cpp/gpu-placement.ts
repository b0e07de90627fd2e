import { GgufInsights, type Llama, readGgufFileInfo } from 'node-llama-cpp';
import type { LoadOptions, LoadSettings, ModelFiles } from '../../src/backend/index.ts';
import { ggmlTypes, sizeOf } from './admission.ts';
import { contextFlashAttention } from './context-flash-attention.ts';
import { encoderLimit, type GpuDevice, gpuBudgets, mostLayers } from './device-budget.ts';
import { embedderMemory, type EmbedderShape } from './embedder-size.ts';

/** What is decided before a model is loaded onto GPUs. */
export interface GpuPlan {
  /** Layers on the GPUs, with the output layer. */
  readonly gpuLayers: number;
  /** The part of them for each GPU. */
  readonly shares: readonly number[];
  /** Limit of the memory in which pictures are encoded. */
  readonly encoderBytes: number;
}

export interface GpuPlanRequest {
  readonly llama: Llama;
  readonly devices: readonly GpuDevice[];
  readonly files: ModelFiles;
  readonly settings: LoadSettings;
  /** Tokens of a conversation that is likely: there must be room for one. */
  readonly likelyLength: number;
  /** In which the largest picture is encoded. */
  readonly largestPictureBytes: number;
  /** Of the model, if it has one. */
  readonly embedder: EmbedderShape | undefined;
}

/**
 * Decides how many layers go to the GPUs, and how many to each. What the admission will take off for the projector, its
 * encoder, and the part of each GPU that may not be used, is taken off here too: layers that would leave no room for a
 * context stay in main memory. node-llama-cpp's own choice knows neither, nor more than one GPU.
 */
export async function planGpus(request: GpuPlanRequest, { signal }: Pick<LoadOptions, 'signal'>): Promise<GpuPlan> {
  const { llama, devices, files, settings, likelyLength } = request;
  const { deviceMemoryUtilization, kvCacheFormat, mmap } = settings;
  const mmprojBytes = await sizeOf(files.mmprojPath);
  const [firstBudget = 0] = gpuBudgets(devices, deviceMemoryUtilization, mmprojBytes);
  const encoderBytes = files.mmprojPath === undefined ? 0 : encoderLimit(request.largestPictureBytes, firstBudget);
  const budgets = gpuBudgets(devices, deviceMemoryUtilization, mmprojBytes + encoderBytes);
  const budgetBytes = budgets.reduce((sum, bytes) => sum + bytes, 0);

  const info = await readGgufFileInfo(files.modelPath, { sourceType: 'filesystem', signal });
  const insights = await GgufInsights.from(info, llama);
  const flashAttention = contextFlashAttention(settings);
  const estimateBytes = async (layers: number): Promise<number> => {
    const weights = await insights.estimateModelResourceRequirementsV2({ gpuLayers: layers, useMmap: mmap });
    const context = await insights.estimateContextResourceRequirementsV2({
      contextSize: likelyLength,
      sequences: 1,
      modelGpuLayers: layers,
      batchSize: Math.min(likelyLength, settings.maxBatchInputTokens ?? likelyStepTokens),
      flashAttention: flashAttention === 'auto' ? 'auto' : flashAttention === 'on',
      kvCacheKeyType: ggmlTypes[kvCacheFormat],
      kvCacheValueType: ggmlTypes[kvCacheFormat],
    });
    const shape = request.embedder;
    const embedder = shape && (await embedderMemory({ fileInsights: insights, gpuLayers: layers }, shape));
    return weights.gpuVram + context.gpuVram + (embedder?.gpuVram ?? 0);
  };
  const gpuLayers = await mostLayers(insights.totalLayers, budgetBytes, devices.length, estimateBytes);
  return { gpuLayers, shares: budgets.map((bytes) => bytes / Math.max(1, budgetBytes)), encoderBytes };
}

/** A larger step is chosen only where all layers fit with room to spare. */
const likelyStepTokens = 512;
