import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { systemErrorCode, VserveError } from '../errors/index.ts';
import { loadSettings } from '../settings/index.ts';
import type { Flags, LoadedSettings, SettingName, Settings } from '../settings/index.ts';
import type { Context } from './context.ts';
import { givenFlags } from './setting-flags.ts';

/** The settings of a verb. Logs which of them came from `.env`, and problems of that file. Throws `invalid_setting`. */
export async function verbSettings<Name extends SettingName>(
  command: Command,
  names: readonly Name[],
  context: Context,
  argument: Flags = {},
): Promise<LoadedSettings<Name>> {
  const loaded = await loadSettings(names, { flags: { ...givenFlags(command), ...argument } });
  await tellSources(loaded, context);
  return loaded;
}

/** Logs which settings came from `.env`, and problems of that file. Throws `invalid_setting` for a store that is no folder. */
export async function tellSources<Name extends SettingName>(
  loaded: LoadedSettings<Name>,
  { output }: Context,
): Promise<void> {
  for (const warning of loaded.warnings) output.log('warning', warning);
  if (loaded.fromDotEnv.length > 0) output.log('info', `From .env: ${loaded.fromDotEnv.join(', ')}`);
  const { home } = loaded.settings as Partial<Settings>;
  if (home !== undefined)
    await requireFolder(home, (loaded.origins as Partial<LoadedSettings<'home'>['origins']>).home);
}

/**
 * The argument `[model]` as a flag. Throws `invalid_setting` if `--model` is given and different.
 */
export function modelArgument(command: Command, model: string | undefined): Flags {
  if (model === undefined) return {};
  const flags = givenFlags(command);
  const other = [flags['model'], flags['model-path']].find((given) => given !== undefined && given !== model);
  if (other !== undefined) {
    const message = `Two models were given: ${model} and ${String(other)}. Give only one.`;
    throw new VserveError('invalid_setting', message, { param: 'model' });
  }
  return { model };
}

/** The store need not exist yet, but anything else in its place is an error. */
async function requireFolder(home: string, origin = 'VSERVE_HOME'): Promise<void> {
  const found = await stat(home).catch((error: unknown) => systemErrorCode(error));
  const isFile = typeof found === 'object' ? !found.isDirectory() : found === 'ENOTDIR';
  if (!isFile) return;
  const message = `${origin} is ${home}, which is not a folder. Remove that file, or set VSERVE_HOME to a folder.`;
  throw new VserveError('invalid_setting', message, { param: 'home' });
}
