import type { LoadedModel } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import type { AdapterSettings, NamedAdapter, PreloadedAdapter } from '../server/index.ts';
import type { ServeSettingName, Settings } from '../settings/index.ts';
import { prepareAdapter } from '../store/index.ts';
import type { Context } from './context.ts';
import { loadConverter } from './converter.ts';
import { hubAccess } from './hub-access.ts';

/** How many LoRA adapters there may be, if --max-num-loras does not say. */
const DEFAULT_MOST = 8;

/** A LoRA adapter whose file is here. */
export interface PreparedAdapter extends NamedAdapter {
  /** Its GGUF file. */
  readonly file: string;
}

type ServerSettings = Pick<Settings, ServeSettingName>;
type Preparing = Pick<Context, 'output' | 'signal' | 'dependencies'>;

/**
 * Finds the adapters of --lora-paths, and converts them where they have to be, before their model is loaded: memory is kept
 * for them. `checkpointDir`: of the model. Throws `invalid_setting`, and what finds and converts them.
 */
export async function prepareAdapters(
  settings: ServerSettings,
  servedModelName: string,
  checkpointDir: string | undefined,
  context: Preparing,
): Promise<readonly PreparedAdapter[]> {
  const named = namedAdapters(settings, servedModelName);
  const prepare = preparer(settings, checkpointDir, context);
  const prepared: PreparedAdapter[] = [];
  for (const { name, path } of named) prepared.push({ name, path, file: await prepare(path, context.signal) });
  return prepared;
}

/** A model in memory, and what its adapters need. */
export interface AdaptedModel {
  readonly model: LoadedModel;
  readonly checkpointDir: string | undefined;
  readonly prepared: readonly PreparedAdapter[];
}

/** Loads prepared adapters, and says how clients may load others. Throws `invalid_setting`, and what loads them. */
export async function openAdapters(
  settings: ServerSettings,
  { model, checkpointDir, prepared }: AdaptedModel,
  context: Preparing,
): Promise<AdapterSettings> {
  const { output, signal } = context;
  if (model.loadAdapter === undefined && (prepared.length > 0 || settings.enableLora === true)) {
    throw invalid(
      'This model takes no LoRA adapters: only models that generate do, with the backend node-llama-cpp.',
      'loraPaths',
    );
  }
  const preloaded: PreloadedAdapter[] = [];
  for (const { name, path, file } of prepared) {
    const adapter = await model.loadAdapter?.(file);
    signal.throwIfAborted();
    if (adapter === undefined) continue;
    preloaded.push({ name, path, adapter });
    output.log('info', `LoRA adapter ${JSON.stringify(name)}: ${path}`);
  }
  const prepare = settings.enableLora === true ? preparer(settings, checkpointDir, context) : undefined;
  return { preloaded, most: mostOf(settings, prepared.length), prepare };
}

function preparer(
  settings: ServerSettings,
  checkpointDir: string | undefined,
  { output, dependencies }: Preparing,
): (adapter: string, signal: AbortSignal) => Promise<string> {
  return (adapter, signal) =>
    prepareAdapter({
      adapter,
      checkpointDir,
      maxRank: settings.maxLoraRank,
      home: settings.home,
      // The revision and the like are the model's.
      hub: { ...hubAccess(settings, dependencies, () => undefined), revision: 'main', weightPath: undefined },
      loadConverter: () => loadConverter(settings, dependencies),
      log: output.log,
      signal,
    });
}

/** Throws `invalid_setting` where clients are to load adapters into models that come and go. */
export function refuseEnableLora({ enableLora }: Pick<Settings, 'enableLora'>): void {
  if (enableLora !== true) return;
  const message =
    '--enable-lora has clients load adapters into a model that stays in memory, and here models come and go. Name the adapters: with --lora-paths, or as lora_paths of a model in a --models-file.';
  throw invalid(message, 'enableLora');
}

function mostOf({ maxNumLoras }: Pick<Settings, 'maxNumLoras'>, count: number): number {
  return maxNumLoras ?? Math.max(DEFAULT_MOST, count);
}

function checkAsked(settings: Pick<Settings, 'enableLora' | 'maxNumLoras'>, count: number): void {
  if (count > 0 && settings.enableLora === false) {
    throw invalid('--lora-paths and --no-enable-lora contradict each other. Remove one of them.', 'loraPaths');
  }
  const most = mostOf(settings, count);
  if (count > most) {
    throw invalid(`--lora-paths names ${count} adapters, and --max-num-loras is ${most}.`, 'maxNumLoras');
  }
}

function invalid(message: string, param: string): VserveError {
  return new VserveError('invalid_setting', message, { param });
}

/**
 * The adapters of --lora-paths, each `name=path`; a path alone is its own name. Throws `invalid_setting` for a name that is
 * taken, and for more than there may be.
 */
export function namedAdapters(
  settings: Pick<Settings, 'loraPaths' | 'enableLora' | 'maxNumLoras'>,
  servedModelName: string,
): NamedAdapter[] {
  checkAsked(settings, settings.loraPaths.length);
  const named = settings.loraPaths.map((text) => {
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
