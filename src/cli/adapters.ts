import type { LoadedModel } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import type { AdapterSettings, PreloadedAdapter } from '../server/index.ts';
import type { ServeSettingName, Settings } from '../settings/index.ts';
import { prepareAdapter } from '../store/index.ts';
import type { Context } from './context.ts';
import { loadConverter } from './converter.ts';
import { hubAccess } from './hub-access.ts';

/** How many LoRA adapters there may be, if --max-num-loras does not say. */
const DEFAULT_MOST = 8;

/** A LoRA adapter as --lora-paths names it. */
interface NamedAdapter {
  readonly name: string;
  readonly path: string;
}

/**
 * Loads the adapters of --lora-paths, and says how clients may load others. Throws `invalid_setting`, and what finds,
 * converts and loads them.
 */
export async function openAdapters(
  settings: Pick<Settings, ServeSettingName>,
  servedModelName: string,
  { model, checkpointDir }: { readonly model: LoadedModel; readonly checkpointDir: string | undefined },
  { output, signal, dependencies }: Context,
): Promise<AdapterSettings> {
  const named = namedAdapters(settings.loraPaths, servedModelName);
  const most = settings.maxNumLoras ?? Math.max(DEFAULT_MOST, named.length);
  checkAsked(settings, named.length, most, model);
  const prepare = (adapter: string, until: AbortSignal): Promise<string> =>
    prepareAdapter({
      adapter,
      checkpointDir,
      maxRank: settings.maxLoraRank,
      home: settings.home,
      // The revision and the like are the model's.
      hub: { ...hubAccess(settings, dependencies, () => undefined), revision: 'main', weightPath: undefined },
      loadConverter: () => loadConverter(settings, dependencies),
      log: output.log,
      signal: until,
    });
  const preloaded: PreloadedAdapter[] = [];
  for (const { name, path } of named) {
    const adapter = await model.loadAdapter?.(await prepare(path, signal));
    signal.throwIfAborted();
    if (adapter === undefined) continue;
    preloaded.push({ name, path, adapter });
    output.log('info', `LoRA adapter ${JSON.stringify(name)}: ${path}`);
  }
  return { preloaded, most, prepare: settings.enableLora === true ? prepare : undefined };
}

/** Throws `invalid_setting` where adapters are asked for beside several models, which come and go. */
export function refuseAdapters({ loraPaths, enableLora }: Pick<Settings, ServeSettingName>): void {
  if (loraPaths.length === 0 && enableLora !== true) return;
  throw invalid('LoRA adapters are for a server of one model that stays in memory. Start one for it.', 'loraPaths');
}

function checkAsked(
  { enableLora }: Pick<Settings, 'enableLora'>,
  count: number,
  most: number,
  model: LoadedModel,
): void {
  if (count > 0 && enableLora === false) {
    throw invalid('--lora-paths and --no-enable-lora contradict each other. Remove one of them.', 'loraPaths');
  }
  if (count > most) {
    throw invalid(`--lora-paths names ${count} adapters, and --max-num-loras is ${most}.`, 'maxNumLoras');
  }
  if (model.loadAdapter === undefined && (count > 0 || enableLora === true)) {
    throw invalid(
      'This model takes no LoRA adapters: only models that generate do, with the backend node-llama-cpp.',
      'loraPaths',
    );
  }
}

function invalid(message: string, param: string): VserveError {
  return new VserveError('invalid_setting', message, { param });
}

/** `name=path`; a path alone is its own name. Throws `invalid_setting` for a name that is taken. */
function namedAdapters(given: readonly string[], servedModelName: string): NamedAdapter[] {
  const named = given.map((text) => {
    const [, name = text, path = text] = /^([^=/\\]+)=(.+)$/.exec(text) ?? [];
    return { name, path };
  });
  const taken = new Set([servedModelName]);
  for (const { name } of named) {
    if (taken.has(name)) {
      const message = `--lora-paths: the name ${JSON.stringify(name)} is taken. Give each adapter a name of its own: name=path.`;
      throw new VserveError('invalid_setting', message, { param: 'loraPaths' });
    }
    taken.add(name);
  }
  return named;
}
