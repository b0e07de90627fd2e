import { readFile } from 'node:fs/promises';
import { fileFault, systemErrorCode, VserveError } from '../errors/index.ts';
import type { Environment } from './environment.ts';
import type { Option } from './option.ts';
import { options } from './options.ts';
import type { SettingName } from './options.ts';

/** A given value and its origin, in words: `--port`, `MAX_SERVE_PORT in .env`. */
export interface GivenValue {
  /** Text from a flag or a variable; any YAML value from a configuration file. */
  readonly value: unknown;
  readonly origin: string;
}

/** A source of settings: its values for an option, one for each name that the option has there. */
export type Source = (name: SettingName) => readonly GivenValue[];

/** Values of flags, by long name without dashes: text, texts of a repeated flag, or true/false for `--x`/`--no-x`. */
export type Flags = Readonly<Record<string, string | readonly string[] | boolean>>;

/** The flags of the command line as a source. */
export function flagSource(flags: Flags): Source {
  return (name) =>
    options[name].flags.flatMap((flag) => {
      const value = flags[flag];
      return value === undefined ? [] : [{ value, origin: value === false ? `--no-${flag}` : `--${flag}` }];
    });
}

/** Variables as a source; `place` follows the variable's name in an origin. */
export function environmentSource(environment: Environment, place: string): Source {
  return (name) => {
    const variable = variableOf(name, environment);
    return variable === undefined ? [] : [{ value: environment[variable], origin: `${variable}${place}` }];
  };
}

/** The variable of an environment that sets an option; undefined if none does. */
export function variableOf(name: SettingName, environment: Environment): string | undefined {
  const { environment: variable, environmentAliases: aliases = [] }: Option<unknown> = options[name];
  if (variable === undefined) return undefined;
  return [variable, ...aliases].find((candidate) => (environment[candidate] ?? '') !== '');
}

/**
 * Reads a YAML file of these options as a source. Keys are the names of flags, with dashes or underscores; a key without
 * a value counts as absent. Throws `invalid_setting` for a file that is missing, is not YAML, or has an unknown key.
 */
export async function configFileSource(path: string, names: readonly SettingName[]): Promise<Source> {
  const namesByKey = keysOf(names);
  const values = new Map<SettingName, GivenValue[]>();
  for (const [key, value] of Object.entries(await readMapping(path))) {
    const name = namesByKey.get(key.replaceAll('_', '-'));
    if (name === undefined) {
      throw new VserveError(
        'invalid_setting',
        `The configuration file ${path} has an unknown option "${key}". Known options: ${[...namesByKey.keys()].join(', ')}.`,
      );
    }
    if (value !== null) values.set(name, [...(values.get(name) ?? []), { value, origin: `"${key}" in ${path}` }]);
  }
  return (name) => values.get(name) ?? [];
}

/** The content of a YAML file; `what` it is, for errors. Throws `invalid_setting`. */
export async function readYaml(path: string, what: string): Promise<unknown> {
  const { parse: parseYaml } = await import('yaml'); // most starts have no such file
  try {
    return parseYaml(await readFile(path, 'utf8')) ?? {};
  } catch (cause) {
    const reason =
      systemErrorCode(cause) === 'ENOENT' ? 'does not exist. Check its path.' : `cannot be read: ${fileFault(cause)}`;
    throw new VserveError('invalid_setting', `The ${what} ${path} ${reason}`, { cause });
  }
}

async function readMapping(path: string): Promise<object> {
  const content = await readYaml(path, 'configuration file');
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content;
  throw new VserveError(
    'invalid_setting',
    `The configuration file ${path} must consist of lines of the form "option: value", such as "port: 8000".`,
  );
}

/** The keys of a configuration file: each option's own name and its flags. */
export function keysOf(names: readonly SettingName[]): ReadonlyMap<string, SettingName> {
  return new Map(
    names
      .filter((name) => options[name].inConfigFile !== false)
      .flatMap((name) => [...options[name].flags, kebabCase(name)].map((key) => [key, name] as const)),
  );
}

function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
