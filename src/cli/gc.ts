import type { Command } from 'commander';
import { collectGarbage } from '../store/index.ts';
import type { Context } from './context.ts';
import { formatBytes } from './printable.ts';
import { addSettingFlags, storeHelp } from './setting-flags.ts';
import { formatTable } from './table.ts';
import { verbSettings } from './verb-settings.ts';

/** Makes `command` the verb `gc`. */
export function define(command: Command, context: Context): void {
  command.option('--dry-run', 'Only show what would be removed');
  addSettingFlags(command, ['logLevel']);
  command.addHelpText('after', `\n${storeHelp()}`);
  command.action(({ dryRun }: { dryRun?: true }) => collect(command, dryRun === true, context));
}

async function collect(command: Command, isDryRun: boolean, context: Context): Promise<void> {
  const { output, dependencies } = context;
  const { settings } = await verbSettings(command, ['home', 'backend'], context);
  const [builtIn, { converterSource }] = await Promise.all([
    dependencies.loadConverter(),
    dependencies.findBackend(settings.backend),
  ]);
  const llamaCpp = converterSource && builtIn.llamaCppVersion(converterSource.release);
  const garbage = await collectGarbage({
    home: settings.home,
    converterVersions: [builtIn.converterVersion, ...(llamaCpp === undefined ? [] : [llamaCpp])],
    isDryRun,
  });
  if (garbage.length > 0) {
    output.print(formatTable(garbage.map(({ path, bytes, reason }) => [formatBytes(bytes), path, reason])));
  }
  const bytes = garbage.reduce((sum, found) => sum + found.bytes, 0);
  output.note(`${isDryRun ? 'Would remove' : 'Removed'} ${formatBytes(bytes)}.`);
}
