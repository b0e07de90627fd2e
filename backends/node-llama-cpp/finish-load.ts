import { stat } from 'node:fs/promises';
import type { GgufFileInfo, LlamaModel } from 'node-llama-cpp';
import type { LoadedModel, LoadOptions, ModelInfo } from '../../src/backend/index.ts';
import { samplerNames } from '../../src/backend/sampling-settings.ts';
import { admit, budgetsOf, ramBeside } from './admission.ts';
import { contextFlashAttention } from './context-flash-attention.ts';
import { loadNativeAddon } from './addon-loader.ts';
import type { Beginning } from './begun-model.ts';
import { throttleCounter, usableCpus } from './cpu-limit.ts';
import { automaticThreads, cachedImageBytes, type Placement, stepTokens } from './device-defaults.ts';
import type { Trial } from './dry-run.ts';
import { embedderLength, type EmbedderShape, fittingLength } from './embedder-size.ts';
import { EmbeddingModel } from './embedding-model.ts';
import type { AskedModel } from './examine-files.ts';
import { keepReturningMemory } from './free-memory.ts';
import { generationDefaultsOf } from './generation-defaults.ts';
import { planGpus } from './gpu-placement.ts';
import { placementFor } from './image-placement.ts';
import { LlamaAdapters } from './llama-adapters.ts';
import { type EmbedderPlan, loadEmbedder } from './load-embedder.ts';
import { checkTemplate } from './load-checks.ts';
import { loadModel, quieten, startLlama } from './llama-model.ts';
import { LoadedLlama } from './loaded-llama.ts';
import { machineMemory } from './machine-memory.ts';
import { known } from './model-description.ts';
import { pictureLimit } from './picture-limit.ts';
import { samplingDefaultsOf } from './sampling-defaults.ts';
import { filesOf, splitFiles } from './split-files.ts';
import { chooseThreads, computeThreads, decodeThreads } from './threads.ts';
import { videoPerceptionOf } from './video-perception.ts';

/** Of KV cells that are kept outside of the context: as much as the context has, at least, at most, and of the machine. */
const leastKvCopyBytes = 64 * 1024 ** 2;
const mostKvCopyBytes = 1024 ** 3;
const kvCopyShare = 1 / 16;

/** OpenAI's limit. Answers wait for places like any others. */
const MAX_CHOICES = 128;

/** What was begun before this module was there. */
export interface Begun {
  readonly trial: Trial;
  readonly beginning: Promise<Beginning | undefined>;
}

/** Loads a model that may have been begun, once its files were tried, and the engine for it. */
export async function finishLoad(
  { files, settings, devices: chosen, examined }: AskedModel,
  { trial, beginning }: Begun,
  options: LoadOptions,
): Promise<LoadedModel> {
  const {
    trainedLength,
    mayRepack,
    embedding,
    description: header,
    generation,
    warnings,
    projector,
    budgets,
  } = examined;
  const begun = await beginning;
  let model: LlamaModel | undefined;
  try {
    // Starting llama.cpp is waiting, for a process that tries its binaries.
    const starting = startLlama(chosen, options, begun?.binary);
    if (begun === undefined) await Promise.all([starting, trial.pictures]);
    const llama = await starting;
    const addon = loadNativeAddon(llama);
    keepReturningMemory(addon);
    if (begun === undefined) {
      addon.explainBusErrors(filesOf(files));
      await checkTemplate(settings, examined, addon);
    }
    const shape: EmbedderShape = {
      settings,
      trainedLength,
      isCausal: embedding.isCausal,
      pooling: settings.pooling ?? embedding.pooling ?? 'last',
    };
    const embeds = settings.embeddings || embedding.pooling !== undefined;
    const ramBefore = begun?.ramBefore ?? (await machineMemory());
    const likelyLength = Math.min(settings.maxLength ?? trainedLength, 8192);
    const devices = llama.gpu === false ? [] : addon.gpuDevices();
    const plan =
      devices.length === 0
        ? undefined
        : await planGpus(
            {
              llama,
              devices,
              files,
              settings,
              likelyLength,
              largestPictureBytes: (await trial.pictures).batchBytes,
              embedder: embeds ? shape : undefined,
            },
            options,
          );
    const weights = { ...settings, mayRepack };
    const loaded = await loadModel(llama, addon, files.modelPath, plan, weights, options, begun?.model);
    model = loaded;
    const pictures = await trial.pictures;
    // Where node-llama-cpp keeps its own addon's object: not in its types, but fixed by the pinned version.
    const addonModel = (loaded as unknown as { _model: object })._model;
    const placement: Placement = {
      gpuLayers: loaded.gpuLayers,
      totalLayers: loaded.fileInsights.totalLayers,
      gpuTotalBytes: devices.reduce((sum, { totalBytes }) => sum + totalBytes, 0),
    };
    const useGpu = placement.gpuLayers > 0;
    const device = llama.gpu !== false ? `${llama.gpu}: ${(await llama.getGpuDeviceNames()).join(', ')}` : 'cpu';
    const projectorBytes = files.mmprojPath === undefined ? 0 : (await stat(files.mmprojPath)).size;
    const description = known({
      ...header,
      chatTemplate: settings.chatTemplate ?? header.chatTemplate,
      sizeBytes: loaded.size + projectorBytes,
      projector: projector?.type,
      bosToken: loaded.tokens.bosString ?? undefined,
      eosToken: loaded.tokens.eosString ?? undefined,
    });
    const embedderOptions: EmbedderPlan = {
      ...shape,
      addon,
      addonModel,
      files,
      placement: placementFor(projector?.type ?? ''),
      budgets,
      threads: computeThreads(llama),
      useGpu,
    };
    const memory = {
      files,
      settings,
      ramBefore,
      placement,
      gpus: useGpu ? addon.gpuDevices() : [],
      layersOfGpus: useGpu ? addon.layersOfGpus(addonModel) : [],
    };
    if (embedding.pooling !== undefined) {
      const budgets = await budgetsOf({ ...memory, encoderBytes: 0 });
      const inputLength = await fittingLength(loaded, shape, budgets);
      const { embedder, options: embedderSettings } = await loadEmbedder(embedderOptions, inputLength);
      options.log('info', `Embeddings: inputs of up to ${String(inputLength)} tokens`);
      const info: ModelInfo = {
        capabilities: { vision: embedder.seesImages, embeddings: true },
        contextLength: embedderSettings.maxLength,
        maxBatchSize: embedderSettings.maxSequences,
        samplingDefaults: {},
        device,
        description: { ...description, embeddingLength: embedder.dimensions },
      };
      quieten(llama, options.log);
      return new EmbeddingModel(loaded, info, embedder);
    }
    if (devices.length > 0) reportPlacement(placement, options.log);
    const limit = await pictureLimit(pictures, useGpu ? plan : undefined, () => ramBeside(files, settings, ramBefore));
    if (limit.warning !== undefined) options.log('warning', limit.warning);

    if (description.chatTemplate === undefined) {
      options.log(
        'warning',
        `${files.modelPath} has no chat template, so ChatML stands in: the model may not know it.`,
      );
    }
    for (const warning of [...(projector?.warnings ?? []), ...warnings]) options.log('warning', warning);
    const batchTokens = stepTokens(settings.maxBatchInputTokens, placement);
    const admission = await admit({
      ...memory,
      model: loaded,
      trainedLength,
      encoderBytes: limit.encoderBytes,
      // A picture that is decoded in one piece makes the batch as large.
      batchTokens: Math.max(batchTokens, pictures.wholeTokens),
      embedder: settings.embeddings ? shape : undefined,
    });
    const { maxSequences } = admission;
    const mostThreads = computeThreads(llama);
    const cpuThreads = { compute: mostThreads, decode: decodeThreads(loaded.size, mostThreads) };
    options.log('info', admission.description);
    const defaults = generationDefaultsOf(generation, (text) => loaded.tokenize(text, true));
    const video = videoPerceptionOf(projector?.type ?? '');
    const info: ModelInfo = {
      capabilities: {
        tools: true,
        structuredOutput: true,
        vision: files.mmprojPath !== undefined,
        logProbs: true,
        promptLogProbs: true,
        rawPrompts: true,
        imageBudgets: files.mmprojPath !== undefined,
        maxChoices: MAX_CHOICES,
        answerControl: true,
        ignoreEos: true,
        prefill: true,
        progress: true,
        samplers: samplerNames,
        mirostat: true,
      },
      ...(video && { video }),
      contextLength: admission.maxLength,
      maxBatchSize: maxSequences,
      samplingDefaults: { ...samplingDefaultsOf(samplingOf(loaded.fileInfo)), ...defaults.samplingDefaults },
      ...(defaults.generationDefaults && { generationDefaults: defaults.generationDefaults }),
      device,
      description,
    };
    const engine = await LoadedLlama.load(
      loaded,
      info,
      (onEvents, onPiece) =>
        new addon.NativeEngine(
          addonModel,
          {
            mmprojPath: files.mmprojPath ?? '',
            chatTemplate: settings.chatTemplate,
            endTokens: generation.endTokens,
            imagePlacement: placementFor(projector?.type ?? ''),
            contextCells: admission.cells,
            separateCells: admission.separate,
            maxLength: admission.maxLength,
            maxSequences,
            batchTokens: Math.max(batchTokens, maxSequences),
            ...chooseThreads(settings, automaticThreads(placement, cpuThreads, maxSequences), options.log),
            throttleCounter: throttleCounter(),
            cpus: usableCpus(),
            useGpu,
            imageDefaults: budgets.defaults,
            largestImage: budgets.largest,
            maxImageTokens: settings.imageMaxTokens,
            // What was estimated is not quite what another device takes: a limit only where it matters.
            encoderBytes: limit.warning === undefined ? undefined : limit.encoderBytes,
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
          onPiece,
        ),
      budgets,
      new LlamaAdapters(splitFiles(files.modelPath)),
    );
    if (settings.embeddings) {
      try {
        await engine.addEmbedder(async (native) => {
          const { embedder } = await loadEmbedder(embedderOptions, embedderLength(shape), native);
          return embedder;
        });
      } catch (error) {
        await engine.close();
        model = undefined;
        throw error;
      }
    }
    if (info.capabilities.vision) {
      const { visionKernel } = engine;
      const how = visionKernel === '' ? "in its weights' types (ggml)" : `in float32 (${visionKernel})`;
      options.log('info', `Vision encoder: multiplies ${how}`);
    }
    quieten(llama, options.log);
    return engine;
  } catch (error) {
    await model?.dispose();
    await begun?.model.abandon();
    throw error;
  }
}

/** Says where the layers are, if a GPU is there. */
function reportPlacement({ gpuLayers, totalLayers }: Placement, log: LoadOptions['log']): void {
  if (gpuLayers >= totalLayers) return;
  const advice = 'Close other programs that use it, or take a smaller model or precision, or a shorter --max-length.';
  if (gpuLayers > 0) {
    const layers = `${String(gpuLayers)} of ${String(totalLayers)} layers`;
    log('warning', `The GPU has memory for ${layers}; the CPU computes the rest. ${advice}`);
  } else {
    log('warning', `The GPU has memory for none of the model's layers: the CPU computes. ${advice}`);
  }
}

/** The values of `general.sampling.*`. */
function samplingOf({ metadata }: GgufFileInfo): Record<string, unknown> {
  return (metadata.general as { sampling?: Record<string, unknown> }).sampling ?? {};
}
