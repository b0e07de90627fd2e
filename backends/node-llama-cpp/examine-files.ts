import type { LoadSettings, ModelFiles } from '../../src/backend/index.ts';
import type { DeviceChoice } from './devices.ts';
import type { DryRunOptions } from './dry-run.ts';
import { ImageBudgets } from './image-budget/image-budgets.ts';
import { type ModelHeader, type ProjectorHeader, readModelHeader, readProjectorHeader } from './model-header.ts';

/** What the headers of a model's files say. */
export interface ExaminedFiles extends ModelHeader {
  readonly projector: ProjectorHeader | undefined;
  readonly budgets: ImageBudgets;
  /** What a dry run of them has to know. */
  readonly trialOptions: DryRunOptions;
}

/** A model that is to be loaded. */
export interface AskedModel {
  readonly files: ModelFiles;
  readonly settings: LoadSettings;
  readonly devices: DeviceChoice;
  readonly examined: ExaminedFiles;
}

/** Reads the headers of a model's files. Throws `gguf_invalid`, and `model_load_failed` for what llama.cpp cannot compute. */
export async function examineFiles(files: ModelFiles, settings: LoadSettings): Promise<ExaminedFiles> {
  const [header, projector] = await Promise.all([
    readModelHeader(files.modelPath),
    files.mmprojPath === undefined ? undefined : readProjectorHeader(files.mmprojPath),
  ]);
  const budgets = new ImageBudgets(projector?.geometry, settings);
  const mostLength = Math.min(settings.maxLength ?? header.trainedLength, header.trainedLength);
  const trialOptions: DryRunOptions = {
    embeds: header.embedding.pooling !== undefined,
    maxImageTokens: Math.min(Math.floor(mostLength / 2), settings.imageMaxTokens ?? Infinity),
    largest: budgets.largest,
    hasOtherTemplate: settings.chatTemplate !== undefined,
  };
  return { ...header, projector, budgets, trialOptions };
}
