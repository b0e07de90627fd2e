import type { LoadSettings, ModelFiles } from '../../src/backend/index.ts';
import { contextFlashAttention } from './context-flash-attention.ts';
import { cachedImageBytes } from './device-defaults.ts';
import type { EmbedderShape } from './embedder-size.ts';
import type { ImageBudgets } from './image-budget/image-budgets.ts';
import type { ImagePlacement } from './image-placement.ts';
import { LlamaEmbedder } from './llama-embedder.ts';
import type { NativeAddon, NativeEmbedderOptions, NativeEngine } from './native-addon.ts';

const defaultSequences = 32;

/** What an embedder is made of. */
export interface EmbedderPlan extends EmbedderShape {
  readonly addon: NativeAddon;
  /** node-llama-cpp's own `AddonModel`. */
  readonly addonModel: object;
  readonly files: ModelFiles;
  readonly settings: LoadSettings;
  readonly placement: ImagePlacement | undefined;
  readonly budgets: ImageBudgets;
  readonly threads: number;
  readonly useGpu: boolean;
}

/**
 * Loads an embedder for inputs of at most `maxLength` tokens; it shares the vision encoder of an engine of the same model.
 * Throws `out_of_memory`, `model_load_failed`.
 */
export async function loadEmbedder(
  { addon, addonModel, files, settings, ...plan }: EmbedderPlan,
  maxLength: number,
  engine?: NativeEngine,
) {
  const options: NativeEmbedderOptions = {
    mmprojPath: files.mmprojPath ?? '',
    imagePlacement: plan.placement,
    maxLength,
    maxSequences: settings.maxBatchSize ?? defaultSequences,
    threads: settings.threadsBatch ?? settings.threads ?? plan.threads,
    useGpu: plan.useGpu,
    pooling: plan.pooling,
    isCausal: plan.isCausal,
    flashAttention: contextFlashAttention(settings),
    encoderFlashAttention: settings.flashAttention,
    imageDefaults: plan.budgets.defaults,
    largestImage: plan.budgets.largest,
    mmprojEncoding: settings.mmprojEncoding,
    maxVisionCacheEntries: settings.maxVisionCacheEntries,
    cachedImageBytes,
  };
  const native = new addon.NativeEmbedder(addonModel, options, engine);
  return { embedder: await LlamaEmbedder.load(native, plan.budgets), options };
}
