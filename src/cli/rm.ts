import type { Command } from 'commander';
import { findStored, removeModels } from '../store/index.ts';
import type { Context } from './context.ts';
import { formatBytes } from './printable.ts';
import { addSettingFlags, storeHelp } from './setting-flags.ts';
import { verbSettings } from './verb-settings.ts';

/** Makes `command` the verb `rm`. */
export function define(command: Command, context: Context): void {
  command
    .argument(
      '<model...>',
      'An id (org/name for all of it, or org/name@commit), or the ID or path of a converted model or adapter',
    )
    .option('--force', 'Remove models even while a server uses them');
  addSettingFlags(command, ['logLevel']);
  command.addHelpText('after', `\n${storeHelp()}`);
  command.action((targets: readonly string[], { force }: { force?: true }) =>
    remove(command, targets, force === true, context),
  );
}

async function remove(command: Command, targets: readonly string[], force: boolean, context: Context): Promise<void> {
  const { settings } = await verbSettings(command, ['home'], context);
  const found = (await Promise.all(targets.map((target) => findStored(settings.home, target)))).flat();
  const models = [...new Map(found.map((model) => [model.path, model])).values()];
  await removeModels(settings.home, models, force);
  for (const { name, type, precision, bytes } of models) {
    context.output.print(`Removed ${name} (${precision ?? type}, ${formatBytes(bytes)})`);
  }
}
