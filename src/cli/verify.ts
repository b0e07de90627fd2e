import type { Command } from 'commander';
import { VserveError } from '../errors/index.ts';
import { loadSettings } from '../settings/index.ts';
import { findStored, verifyModels } from '../store/index.ts';
import { conversionProgress } from './conversion-progress.ts';
import type { Context } from './context.ts';
import { addSettingFlags, givenFlags } from './setting-flags.ts';
import { formatTable } from './table.ts';

const settingNames = ['home', 'backend'] as const;

/** Makes `command` the verb `verify`. */
export function define(command: Command, context: Context): void {
  command.argument('[model...]', 'As for rm; all models where none is given');
  addSettingFlags(command, ['backend', 'logLevel']);
  command.action((targets: readonly string[]) => verify(command, targets, context));
}

/** Prints what is not as it should be. Fails where something stays so. */
async function verify(command: Command, targets: readonly string[], context: Context): Promise<void> {
  const { output, signal, dependencies } = context;
  const { settings } = await loadSettings(settingNames, { flags: givenFlags(command) });
  const models = await Promise.all(targets.map((target) => findStored(settings.home, target)));
  const progress = conversionProgress(output);
  try {
    const files = await verifyModels({
      home: settings.home,
      paths: targets.length === 0 ? undefined : models.flat().map(({ path }) => path),
      loadConverter: () => dependencies.loadConverter(),
      loadBackend: () => dependencies.findBackend(settings.backend),
      fetchAgain: undefined,
      onFile: (path) => output.log('debug', `Reading ${path}`),
      onProgress: progress.show,
      log: output.log,
      signal,
    });
    const wrong = files.filter(({ result }) => result !== 'ok');
    if (wrong.length > 0) output.print(formatTable(wrong.map(({ result, path, advice }) => [result, path, advice])));
    const left = wrong.filter(({ result }) => result !== 'repaired').length;
    if (left > 0) throw new VserveError('model_damaged', `${left} of ${files.length} files are damaged or missing.`);
    const repaired = wrong.length === 0 ? '' : `, ${wrong.length} after a repair`;
    output.note(`All ${files.length} files are as they should be${repaired}.`);
  } finally {
    progress.end();
  }
}
