import { VserveError } from '../errors/index.ts';
import { checkValue } from './load-settings.ts';
import { loadSettingNames } from './model-settings.ts';
import type { SettingName, Settings } from './options.ts';
import { keysOf, readYaml } from './sources.ts';

/** The options that each of several models may have for itself. */
const ownNames = [
  'model',
  'mmproj',
  'servedModelName',
  'quantizationEncoding',
  'mmprojQuantizationEncoding',
  'huggingfaceModelRevision',
  'weightPath',
  'loraPaths',
  'maxNumLoras',
  'maxLoraRank',
  ...loadSettingNames,
  'temperature',
  'topK',
] as const satisfies readonly SettingName[];

/** What a file says of one model. */
export interface FileModel {
  readonly settings: Partial<Pick<Settings, (typeof ownNames)[number]>> & { readonly model: string };
  /** Load it when the server starts. */
  readonly preload: boolean;
}

/**
 * Reads a YAML list of models: each a path or id, or a mapping of `model` and its own options, named like the flags; `name` is
 * the served name. Throws `invalid_setting`.
 */
export async function readModelsFile(path: string): Promise<readonly FileModel[]> {
  const content = await readYaml(path, 'models file');
  const list: unknown = isMapping(content) && Object.keys(content).join() === 'models' ? content['models'] : content;
  if (!Array.isArray(list) || list.length === 0) {
    throw wrong(`The models file ${path} must be a list of models, such as "- model: org/name".`);
  }
  return list.map((entry, index) => toModel(entry, `${path}, model ${String(index + 1)}`));
}

function toModel(entry: unknown, place: string): FileModel {
  if (typeof entry === 'string') return { settings: { model: entry }, preload: false };
  if (!isMapping(entry)) throw wrong(`${place}: it must be a path, an id, or a mapping with "model".`);
  const names = keysOf(ownNames);
  const settings: Partial<Record<SettingName, unknown>> = {};
  let preload = false;
  for (const [key, value] of Object.entries(entry)) {
    const origin = `"${key}" of ${place}`;
    if (key === 'preload') {
      if (typeof value !== 'boolean') throw wrong(`${origin} must be true or false.`);
      preload = value;
      continue;
    }
    const name = key === 'name' ? 'servedModelName' : names.get(key.replaceAll('_', '-'));
    if (name === undefined) {
      const known = ['name', 'preload', ...names.keys()].join(', ');
      throw wrong(`${origin} is no option of a single model. There are ${known}.`);
    }
    if (value !== null) settings[name] = checkValue(name, { value, origin });
  }
  const { model } = settings;
  if (typeof model !== 'string') throw wrong(`${place} has no "model": give a path or a Hugging Face id.`);
  return { settings: { ...(settings as FileModel['settings']), model }, preload };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(message: string): VserveError {
  return new VserveError('invalid_setting', message, { param: 'modelsFile' });
}
