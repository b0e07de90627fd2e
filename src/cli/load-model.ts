import { join } from 'node:path';
import type { Backend, LoadedModel, ModelFiles } from '../backend/index.ts';
import type { ServeSettingName, Settings } from '../settings/index.ts';
import { prepareModel } from '../store/index.ts';
import { openAdapters, prepareAdapters } from './adapters.ts';
import type { PreparedAdapter } from './adapters.ts';
import type { PreparedModel } from '../store/index.ts';
import { conversionProgress } from './conversion-progress.ts';
import { loadConverter } from './converter.ts';
import { downloadProgress } from './download-progress.ts';
import { hubAccess } from './hub-access.ts';
import type { Loading, ModelInUse } from './open-and-load.ts';
import type { ServeSettings } from './serve-settings.ts';

/** The files of a model and of its LoRA adapters. */
export interface PreparedFiles extends Omit<PreparedModel, 'name'> {
  readonly adapters: readonly PreparedAdapter[];
}

/** Downloads and converts a model where it has to be, and loads it. */
export async function loadModel(
  backend: Backend,
  serve: ServeSettings,
  settings: Pick<Settings, ServeSettingName>,
  loading: Loading,
): Promise<ModelInUse> {
  return loadPrepared(backend, await prepare(backend, serve, settings, loading), serve, settings, loading);
}

/** Loads a model and its LoRA adapters, whose files are here. Gives them up if that fails. */
export async function loadPrepared(
  backend: Backend,
  { release, adapters: prepared, ...files }: PreparedFiles,
  serve: ServeSettings,
  settings: Pick<Settings, ServeSettingName>,
  loading: Loading,
): Promise<ModelInUse> {
  try {
    const startedAtMs = performance.now();
    const model = await load(backend, files, serve, { ...loading, cacheFolder: cacheFolderOf(backend, settings.home) });
    const loadMs = performance.now() - startedAtMs;
    const adapted = { model, checkpointDir: files.checkpointDir, prepared };
    const adapters = await openAdapters(settings, adapted, loading).catch(async (error: unknown) => {
      await model.close();
      throw error;
    });
    return { model, loadMs, adapters, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Where a backend keeps what it has found out about files. */
function cacheFolderOf({ name }: Backend, home: string): string {
  return join(home, 'backends', encodeURIComponent(name));
}

/** Finds the files of a model and of its LoRA adapters, or downloads and converts them. */
export async function prepare(
  backend: Backend,
  serve: ServeSettings,
  settings: Pick<Settings, ServeSettingName>,
  loading: Loading,
): Promise<PreparedFiles> {
  const files = await prepareFiles(backend, serve, settings, loading);
  try {
    const adapters = await prepareAdapters(settings, serve.servedModelName, files.checkpointDir, loading);
    return { ...files, adapters, adapterPaths: adapters.map(({ file }) => file) };
  } catch (error) {
    await files.release();
    throw error;
  }
}

async function prepareFiles(
  backend: Backend,
  { model, precisions, load: { devices } }: ServeSettings,
  settings: Pick<Settings, ServeSettingName>,
  { output, signal, dependencies, report }: Loading,
): Promise<Omit<PreparedModel, 'name'>> {
  const nothing = { modelPath: '', mmprojPath: undefined, release: () => Promise.resolve() };
  if (model === undefined) return nothing;
  if (backend.servesElsewhere === true) return { ...nothing, modelName: model };
  const download = downloadProgress(
    output,
    () => performance.now(),
    (fraction) => report({ stage: 'downloading', fraction }),
  );
  const progress = conversionProgress(output);
  const { home, mmproj } = settings;
  try {
    const files = await prepareModel({
      ...precisions,
      home,
      mmproj,
      model,
      backend: { load: () => Promise.resolve(backend), devices, cacheFolder: cacheFolderOf(backend, home) },
      hub: hubAccess(settings, dependencies, download.onEvent),
      loadConverter: () => loadConverter(settings, dependencies),
      onProgress: (news) => {
        progress.show(news);
        report({ stage: 'converting', fraction: news.bytesTotal === 0 ? 1 : news.bytesWritten / news.bytesTotal });
      },
      log: output.log,
      signal,
    });
    progress.succeed();
    return files;
  } finally {
    download.end();
    progress.end();
  }
}

async function load(
  backend: Backend,
  files: ModelFiles,
  settings: ServeSettings,
  { output, signal, report, cacheFolder }: Loading & { readonly cacheFolder: string },
): Promise<LoadedModel> {
  const task = output.startTask();
  const onProgress = (stage: string, fraction: number) => {
    task.update(`Loading: ${stage}`, fraction);
    report({ stage: 'loading', fraction });
  };
  try {
    const model = await backend.load(files, settings.load, { onProgress, log: output.log, signal, cacheFolder });
    const { device, contextLength, maxBatchSize } = model.info;
    task.succeed(`Loaded on ${device} (${contextLength} tokens, ${maxBatchSize} at a time)`);
    return model;
  } finally {
    task.end();
  }
}
