import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { systemErrorCode, VserveError } from '../errors/index.ts';
import { convertInto } from '../store/index.ts';
import { conversionProgress } from './conversion-progress.ts';
import type { Context } from './context.ts';
import { converterSettingNames, loadConverter } from './converter.ts';
import { precisionsOf } from './precision.ts';
import { addSettingFlags } from './setting-flags.ts';
import { verbSettings } from './verb-settings.ts';

const settingNames = [
  'quantizationEncoding',
  'mmprojQuantizationEncoding',
  ...converterSettingNames,
  'devices',
  'backend',
  'home',
  'logLevel',
] as const;

/** Makes `command` the verb `convert`. */
export function define(command: Command, context: Context): void {
  command
    .argument('<folder>', 'Folder of a Hugging Face checkpoint')
    .argument('<destination>', 'Folder for the GGUF files, new or empty');
  addSettingFlags(command, settingNames);
  command.action((sourceDir: string, destinationDir: string) =>
    convert(command, { sourceDir, destinationDir }, context),
  );
}

/** For a missing folder, the converter would complain about a missing file. */
async function requireSource(sourceDir: string): Promise<void> {
  const found = await stat(sourceDir).catch((error: unknown) => systemErrorCode(error));
  if (typeof found === 'object' && found.isDirectory()) return;
  const isFile = typeof found === 'object' || found === 'ENOTDIR';
  const reason = isFile ? 'is a file' : found === 'ENOENT' ? 'does not exist' : `cannot be read (${String(found)})`;
  const advice = 'Give the folder of a Hugging Face checkpoint; "vserve pull" fetches one from the Hub.';
  throw new VserveError('model_unavailable', `The folder ${sourceDir} ${reason}. ${advice}`);
}

async function convert(
  command: Command,
  folders: { readonly sourceDir: string; readonly destinationDir: string },
  context: Context,
): Promise<void> {
  const { output, signal, dependencies } = context;
  const { settings } = await verbSettings(command, settingNames, context);
  await requireSource(folders.sourceDir);
  const progress = conversionProgress(output);
  try {
    const paths = await convertInto({
      ...folders,
      ...precisionsOf(settings),
      converter: await loadConverter(settings, dependencies),
      backend: { load: () => dependencies.findBackend(settings.backend), devices: settings.devices },
      onProgress: progress.show,
      log: output.log,
      signal,
    });
    progress.succeed();
    for (const path of paths) output.print(path);
  } finally {
    progress.end();
  }
}
