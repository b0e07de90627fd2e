import type { LlamaModel } from 'node-llama-cpp';
import type { EmbeddingPooling, LoadSettings } from '../../src/backend/index.ts';
import { contextFlashAttention } from './context-flash-attention.ts';
import type { MemoryUse } from './device-budget.ts';

/** Of an input, where nothing was set. Longer ones take memory by the square of their length on some devices. */
const likelyTokens = 8192;
/** Inputs of this length are taken however little memory there is. */
const shortestTokens = 512;
/** Tokens that a model computes at a time which reads from left to right: `native/src/embedder.cpp`. */
const causalBatchTokens = 512;

/** What decides how much memory an embedder takes. */
export interface EmbedderShape {
  readonly settings: LoadSettings;
  readonly trainedLength: number;
  readonly isCausal: boolean;
  readonly pooling: EmbeddingPooling;
}

/** Tokens of the longest input. */
export function embedderLength({ settings, trainedLength }: EmbedderShape): number {
  return Math.min(trainedLength, settings.maxLength ?? likelyTokens);
}

/** What the context of an embedder for inputs of this length takes, of the GPUs and of main memory. */
export async function embedderMemory(
  { fileInsights, gpuLayers }: Pick<LlamaModel, 'fileInsights' | 'gpuLayers'>,
  shape: EmbedderShape,
  maxLength = embedderLength(shape),
): Promise<MemoryUse> {
  const inPieces = shape.isCausal && shape.pooling === 'last';
  const flashAttention = contextFlashAttention(shape.settings);
  return fileInsights.estimateContextResourceRequirementsV2({
    contextSize: maxLength,
    sequences: 1,
    batchSize: inPieces ? Math.min(maxLength, causalBatchTokens) : maxLength,
    isEmbeddingContext: true,
    swaFullCache: true,
    modelGpuLayers: gpuLayers,
    flashAttention: flashAttention === 'auto' ? 'auto' : flashAttention === 'on',
  });
}

/** The longest input that there is memory for, unless the user chose the length. */
export async function fittingLength(
  model: Pick<LlamaModel, 'fileInsights' | 'gpuLayers'>,
  shape: EmbedderShape,
  budgets: MemoryUse,
): Promise<number> {
  let length = embedderLength(shape);
  if (shape.settings.maxLength !== undefined) return length;
  const fits = async (): Promise<boolean> => {
    const { gpuVram, cpuRam } = await embedderMemory(model, shape, length);
    return gpuVram <= budgets.gpuVram && cpuRam <= budgets.cpuRam;
  };
  while (length > shortestTokens && !(await fits())) length = Math.max(shortestTokens, Math.floor(length / 2));
  return length;
}
