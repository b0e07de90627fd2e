import type { Backend } from '../backend/index.ts';
import type { OpenServer, RunningServer } from '../server/index.ts';
import type { FileModel, LoadedSettings, ServeSettingName } from '../settings/index.ts';
import type { Context } from './context.ts';
import { modelSources } from './model-sources.ts';
import type { ServeSettings } from './serve-settings.ts';

/** What serving several models takes. */
export interface SeveralModels {
  readonly backend: Backend;
  readonly settings: ServeSettings;
  readonly models: readonly FileModel[];
}

/** Opens a server that loads its models when they are asked for, and frees them at its end. */
export async function openSeveral(
  { backend, settings, models }: SeveralModels,
  loaded: LoadedSettings<ServeSettingName>,
  open: (names: readonly string[]) => Promise<OpenServer>,
  context: Context,
): Promise<RunningServer> {
  const { keepAlive = Infinity, maxLoadedModels } = loaded.settings;
  const sources = await modelSources(models, loaded, backend, context);
  const server = await open(sources.map(({ name }) => name));
  return server.serveModels({ sources, media: settings.media, keepAliveMs: keepAlive, maxLoaded: maxLoadedModels });
}
