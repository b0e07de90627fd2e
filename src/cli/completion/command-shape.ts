import type { Command } from 'commander';
import { options } from '../../settings/index.ts';
import type { Option as Setting } from '../../settings/index.ts';

/** An option of a verb, as a shell completes it. */
export interface OptionShape {
  /** With its dashes. */
  readonly flag: string;
  readonly help: string;
  readonly isRepeatable: boolean;
  /** What follows it; undefined for a switch. */
  readonly value: ValueShape | undefined;
}

/** Words to choose from, or files. */
export interface ValueShape {
  readonly name: string;
  readonly words: readonly string[];
  readonly isFile: boolean;
}

export interface CommandShape {
  readonly names: readonly string[];
  readonly summary: string;
  readonly options: readonly OptionShape[];
}

const settings: readonly Setting<unknown>[] = Object.values(options);

/** What a shell needs to know of a verb. */
export function describeCommand(command: Command): CommandShape {
  const shapes = command.options.flatMap((option): OptionShape[] => {
    const { long, description, hidden, required, optional } = option;
    const setting = settings.find(({ flags }) => flags.includes(option.name().replace(/^no-/, '')));
    // Hidden are other names and other programs' flags, but for the opposites of switches.
    const isOpposite = setting !== undefined && long?.startsWith('--no-') === true;
    if (typeof long !== 'string' || (hidden && !isOpposite)) return [];
    const help = shortHelp(setting?.help ?? description);
    const value = required || optional ? valueOf(setting, option.name()) : undefined;
    return [{ flag: long, help: hidden ? `Not: ${help}` : help, isRepeatable: setting?.kind.form === 'list', value }];
  });
  return {
    names: [command.name(), ...command.aliases()],
    summary: command.summary(),
    options: [...shapes, { flag: '--help', help: 'Print the help', isRepeatable: false, value: undefined }],
  };
}

function valueOf(setting: Setting<unknown> | undefined, name: string): ValueShape {
  const argument = setting?.argument ?? 'value';
  // In the help, a value may be followed by a note in parentheses.
  const words = (setting?.kind.values ?? []).map((value) => value.replace(/ \(.*$/, ''));
  return { name: setting === undefined ? name : argument, words, isFile: /path|folder/.test(argument) };
}

function shortHelp(help: string): string {
  return help.split(/[;:]/)[0] ?? help;
}
