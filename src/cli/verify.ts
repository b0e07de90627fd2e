import { resolve } from 'node:path';
import type { Command } from 'commander';
import { VserveError } from '../errors/index.ts';
import { fetchFiles, findStored, verifyModels } from '../store/index.ts';
import type { VerifiedFile } from '../store/index.ts';
import { conversionProgress } from './conversion-progress.ts';
import type { Context } from './context.ts';
import { converterOf } from './converter.ts';
import type { Task } from './output.ts';
import { downloadProgress } from './download-progress.ts';
import { hubAccess, hubSettingNames } from './hub-access.ts';
import { printable } from './printable.ts';
import { addSettingFlags, storeHelp } from './setting-flags.ts';
import { verbSettings } from './verb-settings.ts';

const settingNames = ['home', 'backend', 'python', ...hubSettingNames] as const;

/** Makes `command` the verb `verify`. */
export function define(command: Command, context: Context): void {
  command.argument(
    '[model...]',
    'An id (org/name or org/name@commit), or the ID or path of a converted model; all models by default',
  );
  addSettingFlags(command, ['python', 'backend', 'logLevel']);
  command.addHelpText('after', `\n${storeHelp()}`);
  command.action((targets: readonly string[]) => verify(command, targets, context));
}

/** Prints damaged files. Fails if any could not be repaired. */
async function verify(command: Command, targets: readonly string[], context: Context): Promise<void> {
  const { output, signal, dependencies } = context;
  const { settings } = await verbSettings(command, settingNames, context);
  const home = resolve(settings.home);
  const models = await Promise.all(targets.map((target) => findStored(home, target)));
  const progress = conversionProgress(output);
  let checking: Task | undefined;
  /** Makes room for other progress. */
  const endChecking = (): void => {
    checking?.end();
    checking = undefined;
  };
  try {
    const files = await verifyModels({
      home,
      paths: targets.length === 0 ? undefined : models.flat().map(({ path }) => path),
      loadConverter: (version) => converterOf(version, settings, dependencies),
      loadBackend: () => dependencies.findBackend(settings.backend),
      async fetchAgain(snapshot, paths) {
        endChecking();
        const download = downloadProgress(output);
        const hub = hubAccess(settings, dependencies, download.onEvent);
        try {
          await fetchFiles(snapshot, paths, { hub, home, log: output.log, signal });
        } finally {
          download.end();
        }
      },
      onFile(path, share) {
        output.log('debug', `Reading ${path}`);
        checking ??= output.startTask();
        checking.update('Hashing', share);
      },
      onProgress(conversion) {
        endChecking();
        progress.show(conversion);
      },
      log: output.log,
      signal,
    });
    endChecking();
    if (files.length === 0) return output.note(`No models in ${settings.home} yet.`);
    const wrong = files.filter(({ result }) => result !== 'ok');
    if (wrong.length > 0) output.print(linesOf(wrong).join('\n'));
    const left = wrong.filter(({ result }) => result !== 'repaired').length;
    if (left > 0)
      throw new VserveError(
        'model_damaged',
        `${left} of ${files.length} files ${left === 1 ? 'is' : 'are'} damaged or missing.`,
      );
    const repaired = wrong.length === 0 ? '' : `, ${wrong.length} after a repair`;
    output.note(`All ${files.length} files are intact${repaired}.`);
  } finally {
    endChecking();
    progress.end();
  }
}

/** A line per file; files with the same advice share it. */
function linesOf(files: readonly VerifiedFile[]): string[] {
  return files.flatMap(({ result, path, advice }, index) => {
    const isLast = files[index + 1]?.advice !== advice;
    const lines = isLast && advice !== '' ? printable(advice).split('\n') : [];
    return [`${result.padEnd(8)}  ${path}`, ...lines.map((line) => `          ${line}`)];
  });
}
