import { isDeepStrictEqual } from 'node:util';
import { VserveError } from '../errors/index.ts';
import { dotEnvSource, dotEnvWarnings, readDotEnv } from './dot-env.ts';
import type { Environment } from './environment.ts';
import { defaultOf } from './option.ts';
import type { Option } from './option.ts';
import { options, settingNames } from './options.ts';
import type { SettingName, Settings } from './options.ts';
import { configFileSource, environmentSource, flagSource, variableOf } from './sources.ts';
import type { Flags, GivenValue, Source } from './sources.ts';

export interface LoadedSettings<Name extends SettingName> {
  readonly settings: Pick<Settings, Name>;
  /** For each option, where its value came from, in words. */
  readonly origins: Readonly<Record<Name, string>>;
  /** Problems of `.env`. */
  readonly warnings: readonly string[];
  /** The variables of `.env` that took effect. */
  readonly fromDotEnv: readonly string[];
  /** Messages about variables that look like settings but are not, such as those of max serve without an effect here. */
  readonly unknownVariables: readonly string[];
}

export interface SettingsInput {
  readonly flags: Flags;
  /** Defaults to the environment of this process. */
  readonly environment?: Environment;
  /** Folder of the `.env` file; defaults to the current one. */
  readonly folder?: string | undefined;
}

/**
 * Finds the value of each option in `names`: flags override the environment, which overrides `.env`, which
 * overrides the configuration file, which overrides the default. The environment is not modified.
 * Throws `invalid_setting`, naming the source, the value and what is allowed.
 */
export async function loadSettings<Name extends SettingName>(
  names: readonly Name[],
  { flags, environment = process.env, folder = '.' }: SettingsInput,
): Promise<LoadedSettings<Name>> {
  const dotEnv = await readDotEnv(folder);
  const fromDotEnv = dotEnvSource(dotEnv);
  const sources: Source[] = [flagSource(flags), environmentSource(environment, ' in the environment'), fromDotEnv];
  const configFile = names.some((name) => name === 'configFile') ? find('configFile', sources)?.value : undefined;
  if (typeof configFile === 'string') sources.push(await configFileSource(configFile, names));

  const settings: Partial<Record<SettingName, unknown>> = {};
  const origins: Partial<Record<SettingName, string>> = {};
  for (const name of names) {
    const given = find(name, sources);
    settings[name] = given === undefined ? defaultOf<unknown>(options[name], environment) : given.value;
    origins[name] = given?.origin ?? 'default';
  }
  const inEffect = names.filter((name) => fromDotEnv(name).some(({ origin }) => origin === origins[name]));
  return {
    settings: settings as Pick<Settings, Name>,
    origins: origins as Record<Name, string>,
    warnings: dotEnvWarnings(dotEnv, names),
    fromDotEnv: inEffect.map((name) => variableOf(name, dotEnv.variables) ?? ''),
    unknownVariables: [
      ...unknownVariables(environment, ' in the environment'),
      ...unknownVariables(dotEnv.variables, ' in .env'),
    ],
  };
}

/** The value of an option in the first source that has one. */
function find(name: SettingName, sources: readonly Source[]): GivenValue | undefined {
  for (const source of sources) {
    const [first, ...others] = source(name).map((given) => ({ ...given, value: checkValue(name, given) }));
    if (first !== undefined && isList(name)) {
      return { ...first, value: [first, ...others].flatMap(({ value }) => value) };
    }
    const rival = others.find((other) => !isDeepStrictEqual(other.value, first?.value));
    if (first !== undefined && rival !== undefined) {
      throw new VserveError(
        'invalid_setting',
        `${first.origin} is ${show(first.value)} and ${rival.origin} is ${show(rival.value)}, but both set the same option. Give only one.`,
        { param: name },
      );
    }
    if (first !== undefined) return first;
  }
  return undefined;
}

/** Whether all that is given counts, under whichever name. */
function isList(name: SettingName): boolean {
  return options[name].kind.form === 'list';
}

/** A value from any source, parsed. Throws `invalid_setting`. */
export function checkValue(name: SettingName, { value, origin }: GivenValue): unknown {
  const { kind, secret }: Option<unknown> = options[name];
  const accepted = kind.accept(typeof value === 'string' ? kind.parseText(value) : value);
  if (accepted !== undefined) return accepted.value;
  throw new VserveError(
    'invalid_setting',
    `${origin} is ${secret === true ? 'invalid' : show(value)}: it must be ${kind.allowed}.`,
    { param: name },
  );
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? 'unset';
}

function unknownVariables(environment: Environment, place: string): string[] {
  const known: readonly (string | undefined)[] = settingNames.map((name) => options[name].environment);
  return Object.keys(environment)
    .filter((variable) => /^(MAX_SERVE|VSERVE)_/.test(variable) && !known.includes(variable))
    .map((variable) => `${variable}${place} has no effect: vserve has no such setting.`);
}
