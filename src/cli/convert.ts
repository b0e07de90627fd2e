import type { Command } from 'commander';
import { loadSettings } from '../settings/index.ts';
import { convertInto } from '../store/index.ts';
import { conversionProgress } from './conversion-progress.ts';
import type { Context } from './context.ts';
import { converterSettingNames, loadConverter } from './converter.ts';
import { precisionsOf } from './precision.ts';
import { addSettingFlags, givenFlags } from './setting-flags.ts';

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
    .argument('<destination>', 'Folder for the GGUF files: a new one, or an empty one');
  addSettingFlags(command, settingNames);
  command.action((sourceDir: string, destinationDir: string) =>
    convert(command, { sourceDir, destinationDir }, context),
  );
}

async function convert(
  command: Command,
  folders: { readonly sourceDir: string; readonly destinationDir: string },
  { output, signal, dependencies }: Context,
): Promise<void> {
  const { settings } = await loadSettings(settingNames, { flags: givenFlags(command) });
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
