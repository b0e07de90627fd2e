import { basename, resolve } from 'node:path';
import type { Backend, ModelFiles } from '../../backend/index.ts';
import { VserveError } from '../../errors/index.ts';
import type { ModelSource } from '../../server/index.ts';
import type { FileModel, LoadedSettings, ServeSettingName, Settings } from '../../settings/index.ts';
import { namedAdapters } from '../adapters.ts';
import type { Context } from '../context.ts';
import { loadPrepared, prepare } from '../load-model.ts';
import type { Loading } from '../open-and-load.ts';
import { samplingDefaultsOf } from '../sampling-defaults.ts';
import { serveSettings } from '../serve-settings.ts';
import type { ServeSettings } from '../serve-settings.ts';

type ServerSettings = Pick<Settings, ServeSettingName>;
type Prepared = Awaited<ReturnType<typeof prepare>>;

/** What the sources of a server's models share. */
interface Sharing {
  readonly backend: Backend;
  readonly context: Context;
  /** The files of the models in memory. */
  readonly inMemory: Set<ModelFiles>;
}

/** The models that a server loads when they are asked for. Throws `invalid_setting`. */
export async function modelSources(
  models: readonly FileModel[],
  loaded: LoadedSettings<ServeSettingName>,
  backend: Backend,
  context: Context,
): Promise<readonly ModelSource[]> {
  const sharing = { backend, context, inMemory: new Set<ModelFiles>() };
  const sources: ModelSource[] = [];
  for (const { settings: own, preload } of models) {
    const settings: ServerSettings = { ...loaded.settings, ...own };
    const serve = await serveSettings({ ...loaded, settings }, backend);
    sources.push(sourceOf(own.model, serve, settings, preload, sharing));
  }
  const names = sources.flatMap(({ name, adapters = [] }) => [name, ...adapters.map((adapter) => adapter.name)]);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return sources;
  const message = `Two models have the name ${JSON.stringify(twice)}, or a model and an adapter. Give each model its own with "name" in a --models-file, and each adapter as name=path.`;
  throw new VserveError('invalid_setting', message, { param: 'servedModelName' });
}

function sourceOf(
  model: string,
  serve: ServeSettings,
  settings: ServerSettings,
  preload: boolean,
  { backend, context, inMemory }: Sharing,
): ModelSource {
  let prepared: Promise<Prepared> | undefined;
  const prepareOnce = (loading: Loading): Promise<Prepared> => {
    prepared ??= prepare(backend, serve, settings, loading).catch((error: unknown) => {
      prepared = undefined;
      throw error;
    });
    return prepared;
  };
  return {
    name: serve.servedModelName,
    adapters: namedAdapters(settings, serve.servedModelName),
    aliases: [model, basename(resolve(model)).replace(/\.gguf$/i, '')],
    samplingDefaults: samplingDefaultsOf(settings),
    preload,
    async prepare(signal, report) {
      await prepareOnce({ ...context, signal, report });
    },
    async memory(signal, report) {
      if (backend.loadMemory === undefined) return undefined;
      const files = await prepareOnce({ ...context, signal, report });
      const { log } = context.output;
      return backend.loadMemory(files, serve.load, { beside: [...inMemory], log, signal });
    },
    async load(signal, report) {
      const loading = { ...context, signal, report };
      const files = await prepareOnce(loading);
      try {
        const inUse = await loadPrepared(backend, files, serve, settings, loading);
        inMemory.add(files);
        const release = async (): Promise<void> => {
          inMemory.delete(files);
          await inUse.release();
        };
        return { ...inUse, release };
      } finally {
        prepared = undefined;
      }
    },
  };
}
