import type { Backend } from '../../backend/index.ts';
import { VserveError } from '../../errors/index.ts';
import { isRepositoryId } from '../../hub/names.ts';
import type { OpenServer, PullModel, RunningServer } from '../../server/index.ts';
import type { FileModel, LoadedSettings, ServeSettingName } from '../../settings/index.ts';
import { findModel } from '../../store/find-model.ts';
import type { Context } from '../context.ts';
import { modelSources } from './model-sources.ts';
import type { ServeSettings } from '../serve-settings.ts';

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
  const pull: PullModel = async (id, signal, report) => {
    // A client may not name what lies on this machine.
    const isOfHub = isRepositoryId(id) && (await findModel(id)).type === 'repository';
    if (!isOfHub) throw notOfHub(id);
    const own = { model: id, servedModelName: undefined, mmproj: undefined, weightPath: undefined, loraPaths: [] };
    const [source] = await modelSources([{ settings: own, preload: false }], loaded, backend, context);
    if (source === undefined) throw notOfHub(id);
    await source.prepare?.(signal, report);
    return source;
  };
  const server = await open(sources.map(({ name }) => name));
  return server.serveModels({
    sources,
    media: settings.media,
    keepAliveMs: keepAlive,
    maxLoaded: maxLoadedModels,
    pull,
  });
}

function notOfHub(id: string): VserveError {
  const message = `${JSON.stringify(id)} is no model of the Hugging Face Hub: pull one by its id, org/name.`;
  return new VserveError('invalid_request', message, { param: 'model' });
}
