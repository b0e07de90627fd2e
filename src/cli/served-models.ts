import type { Command } from 'commander';
import { VserveError } from '../errors/index.ts';
import { readModelsFile } from '../settings/index.ts';
import type { FileModel, Flags, LoadedSettings, ServeSettingName } from '../settings/index.ts';
import { givenFlags } from './setting-flags.ts';
import { modelArgument } from './verb-settings.ts';

const FLAGS = ['model', 'model-path'] as const;

/** Lets `--model` be given several times. */
export function allowSeveralModels(command: Command): void {
  for (const option of command.options) {
    if (!FLAGS.some((flag) => option.long === `--${flag}`)) continue;
    option.argParser((value, previous: readonly string[] | undefined) => [...(previous ?? []), value]);
  }
}

/** The models of the command line, and the flags with the first of them as the only one. Throws `invalid_setting`. */
export function modelsGiven(
  command: Command,
  argument: string | undefined,
): { readonly models: readonly string[]; readonly flags: Flags } {
  const given = givenFlags(command);
  const models = FLAGS.flatMap((flag) => {
    const values = given[flag];
    return Array.isArray(values) ? (values as readonly string[]) : [];
  });
  const [first] = models;
  if (first === undefined)
    return { models: argument === undefined ? [] : [argument], flags: modelArgument(command, argument) };
  const other = models.find((model) => model !== argument);
  if (argument !== undefined && other !== undefined) {
    const message = `Two models were given: ${argument} and ${other}. Give only one, or several as --model each.`;
    throw new VserveError('invalid_setting', message, { param: 'model' });
  }
  const flags = Object.fromEntries(FLAGS.flatMap((flag) => (given[flag] === undefined ? [] : [[flag, first]])));
  return { models: [...new Set(models)], flags };
}

/** Options that belong to one model. */
const OF_ONE = ['servedModelName', 'mmproj', 'weightPath', 'loraPaths'] as const;

/**
 * The models of a server that loads them when they are asked for; undefined for one that has the one it starts with. Throws
 * `invalid_setting`.
 */
export async function modelsToManage(
  models: readonly string[],
  { settings, origins }: LoadedSettings<ServeSettingName>,
): Promise<readonly FileModel[] | undefined> {
  const { model, modelsFile, keepAlive } = settings;
  const inFile = modelsFile === undefined ? [] : await readModelsFile(modelsFile);
  const asked = models.length > 0 ? models : model === undefined ? [] : [model];
  const all = [...asked.map((name): FileModel => ({ settings: { model: name }, preload: false })), ...inFile];
  const [first, ...others] = all;
  if (first === undefined) return undefined;
  if (others.length === 0) {
    return keepAlive === undefined && modelsFile === undefined ? undefined : [{ ...first, preload: true }];
  }
  const wrong = OF_ONE.find((name) => (settings[name]?.length ?? 0) > 0);
  if (wrong !== undefined) {
    const message = `${origins[wrong]} is for one model, and there are several. Write it into a --models-file.`;
    throw new VserveError('invalid_setting', message, { param: wrong });
  }
  return all;
}
