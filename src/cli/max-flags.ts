import { Option } from 'commander';
import type { Command } from 'commander';
import { VserveError } from '../errors/index.ts';
import { maxServeFlags } from '../settings/index.ts';
import type { MaxFlag } from '../settings/index.ts';
import type { Output } from './output.ts';

/** Lets a command take the flags of MAX that mean nothing here, so that command lines for it work. */
export function addMaxFlags(command: Command, flags: readonly MaxFlag[] = maxServeFlags()): void {
  for (const { name, isSwitch, reason } of flags) {
    if (isSwitch) command.addOption(new Option(`--no-${name}`, reason).hideHelp());
    command.addOption(new Option(isSwitch ? `--${name}` : `--${name} <value>`, reason).hideHelp());
  }
}

/**
 * Tells which flags of MAX were given in vain, and why. Throws `invalid_setting` for one whose absence would change
 * what is served, unless it asks for nothing: `--no-profile`.
 */
export function tellMaxFlags(command: Command, output: Output, flags: readonly MaxFlag[] = maxServeFlags()): void {
  for (const { name, isSwitch, isRefused, reason } of flags) {
    const option = command.options.find(({ long }) => long === `--${name}`);
    if (option === undefined || command.getOptionValueSource(option.attributeName()) !== 'cli') continue;
    const isOff = isSwitch && command.getOptionValue(option.attributeName()) === false;
    const flag = isOff ? `--no-${name}` : `--${name}`;
    if (isRefused && !isOff) {
      throw new VserveError('invalid_setting', `${flag} is not supported: ${reason}.`, { param: name });
    }
    output.log('warning', `${flag} has no effect: ${reason}.`);
  }
}
