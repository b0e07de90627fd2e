import { GgufInsights, readGgufFileInfo } from 'node-llama-cpp';
import type { LoadMemory, LoadOptions, LoadSettings, ModelFiles } from '../../src/backend/index.ts';
import { adapterBytesOf, ggmlTypes, sizeOf } from './admission.ts';
import { contextFlashAttention } from './context-flash-attention.ts';
import { gpuMemory } from './device-memory.ts';
import { parseDevices } from './devices.ts';
import { startLlama } from './llama-model.ts';
import { machineMemory } from './machine-memory.ts';
import { memoryBudget } from './memory-budget.ts';
import { readModelHeader } from './model-header.ts';

/** Tokens of a conversation that there has to be room for, unless less is asked for. */
const LIKELY_LENGTH = 8192;
const LIKELY_STEP_TOKENS = 512;

/**
 * What a model takes at least: its weights and projector, and a context of one likely conversation. Where there is more, it
 * will take more. On a GPU it counts as fitting if all of it does.
 */
export async function loadMemory(
  files: ModelFiles,
  settings: LoadSettings,
  { beside, log, signal }: Pick<LoadOptions, 'log' | 'signal'> & { readonly beside: readonly ModelFiles[] },
): Promise<LoadMemory> {
  const llama = await startLlama(parseDevices(settings.devices), { log, signal });
  const { trainedLength } = await readModelHeader(files.modelPath);
  const info = await readGgufFileInfo(files.modelPath, { sourceType: 'filesystem', signal });
  const insights = await GgufInsights.from(info, llama);
  const onGpu = llama.gpu !== false;
  const gpuLayers = onGpu ? insights.totalLayers : 0;
  const contextSize = Math.min(settings.maxLength ?? LIKELY_LENGTH, trainedLength);
  const flashAttention = contextFlashAttention(settings);
  const context = await insights.estimateContextResourceRequirementsV2({
    contextSize,
    sequences: 1,
    modelGpuLayers: gpuLayers,
    batchSize: Math.min(contextSize, settings.maxBatchInputTokens ?? LIKELY_STEP_TOKENS),
    flashAttention: flashAttention === 'auto' ? 'auto' : flashAttention === 'on',
    kvCacheKeyType: ggmlTypes[settings.kvCacheFormat],
    kvCacheValueType: ggmlTypes[settings.kvCacheFormat],
  });
  const besideBytes = (await sizeOf(files.mmprojPath)) + (await adapterBytesOf(files));
  const utilization = settings.deviceMemoryUtilization;
  if (onGpu) {
    const weights = await insights.estimateModelResourceRequirementsV2({ gpuLayers, useMmap: settings.mmap });
    return {
      neededBytes: weights.gpuVram + context.gpuVram + besideBytes,
      freeBytes: Math.max(0, memoryBudget(await gpuMemory(llama), utilization, 0)),
    };
  }
  const modelBytes = await sizeOf(files.modelPath);
  // The system could drop mapped weights, and would read them again for every token.
  const mappedBytes = settings.mmap ? await totalSizeOf(beside) : 0;
  return {
    neededBytes: modelBytes + context.cpuRam + besideBytes,
    freeBytes: Math.max(0, memoryBudget(await machineMemory(), utilization, mappedBytes)),
  };
}

async function totalSizeOf(models: readonly ModelFiles[]): Promise<number> {
  const sizes = await Promise.all(models.map(({ modelPath }) => sizeOf(modelPath)));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}
