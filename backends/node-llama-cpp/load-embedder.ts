import type { LoadSettings, ModelFiles } from '../../src/backend/index.ts';
import { contextFlashAttention } from './context-flash-attention.ts';
import { cachedImageBytes } from './device-defaults.ts';
import type { EmbeddingTraits } from './embedding-models.ts';
import type { ImageBudgets } from './image-budget/image-budgets.ts';
import type { ImagePlacement } from './image-placement.ts';
import { LlamaEmbedder } from './llama-embedder.ts';
import type { NativeAddon, NativeEmbedderOptions } from './native-addon.ts';

/** Of an input, where nothing was set. Longer ones take memory by the square of their length on some devices. */
const likelyTokens = 8192;
const defaultSequences = 32;

/** What an embedder is made of. */
export interface EmbedderPlan {
  readonly addon: NativeAddon;
  /** node-llama-cpp's own `AddonModel`. */
  readonly addonModel: object;
  readonly files: ModelFiles;
  readonly settings: LoadSettings;
  readonly embedding: EmbeddingTraits;
  readonly trainedLength: number;
  readonly placement: ImagePlacement | undefined;
  readonly budgets: ImageBudgets;
  readonly threads: number;
  readonly useGpu: boolean;
}

/** Throws `out_of_memory`, `model_load_failed`. */
export async function loadEmbedder({ addon, addonModel, files, settings, ...plan }: EmbedderPlan) {
  const options: NativeEmbedderOptions = {
    mmprojPath: files.mmprojPath ?? '',
    imagePlacement: plan.placement,
    maxLength: Math.min(plan.trainedLength, settings.maxLength ?? likelyTokens),
    maxSequences: settings.maxBatchSize ?? defaultSequences,
    threads: settings.threadsBatch ?? settings.threads ?? plan.threads,
    useGpu: plan.useGpu,
    pooling: settings.pooling ?? plan.embedding.pooling ?? 'last',
    isCausal: plan.embedding.isCausal,
    flashAttention: contextFlashAttention(settings),
    encoderFlashAttention: settings.flashAttention,
    imageDefaults: plan.budgets.defaults,
    largestImage: plan.budgets.largest,
    mmprojEncoding: settings.mmprojEncoding,
    maxVisionCacheEntries: settings.maxVisionCacheEntries,
    cachedImageBytes,
  };
  return { embedder: await LlamaEmbedder.load(new addon.NativeEmbedder(addonModel, options), plan.budgets), options };
}
