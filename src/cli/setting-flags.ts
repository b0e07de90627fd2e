import { Option } from 'commander';
import type { Command } from 'commander';
import { defaultOf, options, settingNames } from '../settings/index.ts';
import type { Flags, Option as Setting, SettingName } from '../settings/index.ts';
import { showValue } from './configuration.ts';

/**
 * Gives a command the flags of settings, in the order of the table. Commander only collects their texts: it knows no
 * defaults and validates nothing, so that flags are treated like every other source.
 */
export function addSettingFlags(command: Command, names: readonly SettingName[]): void {
  const ordered = settingNames.filter((name) => names.includes(name));
  for (const setting of ordered.map((name): Setting<unknown> => options[name])) {
    const [name, ...aliases] = setting.flags;
    if (name === undefined) continue;
    command.addOption(flagOption(name, setting).helpGroup(`${setting.group}:`));
    for (const alias of aliases) command.addOption(flagOption(alias, setting).hideHelp());
    if (setting.kind.form === 'switch') command.addOption(new Option(`--no-${name}`).hideHelp());
  }
}

/** Where models are kept, for the help. */
export function storeHelp(): string {
  return `Models are kept in VSERVE_HOME (${defaultOf(options.home)}).`;
}

/** The flags given to a command and its parents, which it overrides. */
export function givenFlags(command: Command): Flags {
  const own = command.options.flatMap((option) => {
    const attribute = option.attributeName();
    const isGiven = command.getOptionValueSource(attribute) === 'cli';
    return isGiven ? [[option.name().replace(/^no-/, ''), command.getOptionValue(attribute)] as const] : [];
  });
  return { ...(command.parent === null ? {} : givenFlags(command.parent)), ...(Object.fromEntries(own) as Flags) };
}

function flagOption(name: string, setting: Setting<unknown>): Option {
  const { form } = setting.kind;
  const option = new Option(
    form === 'switch' ? `--${name}` : `--${name} <${setting.argument ?? 'value'}>`,
    help(setting),
  );
  if (form === 'list') {
    option.argParser((value, previous: readonly string[] | undefined) => [...(previous ?? []), value]);
  }
  return option;
}

function help(setting: Setting<unknown>): string {
  const { help: text, kind, defaultText, environment: variable } = setting;
  const standard = defaultOf(setting);
  const notes = [
    ...(standard === undefined && defaultText === undefined
      ? []
      : [`default: ${defaultText ?? showValue(standard, kind)}`]),
    ...(variable === undefined ? [] : [variable]),
  ];
  const values = kind.values === undefined ? text : `${text}: ${kind.values.join(', ')}`;
  return notes.length === 0 ? values : `${values} (${notes.join('; ')})`;
}
