import { Option } from 'commander';
import type { Command } from 'commander';
import { convertInto } from '../store/index.ts';
import type { Outtype } from '../store/index.ts';
import { conversionProgress } from './conversion-progress.ts';
import type { Context } from './context.ts';
import { addSettingFlags } from './setting-flags.ts';

const outtypes: readonly Outtype[] = ['auto', 'f32', 'f16', 'bf16', 'q8_0'];

/** Makes `command` the verb `convert`. */
export function define(command: Command, context: Context): void {
  command
    .argument('<folder>', 'Folder of a Hugging Face checkpoint')
    .argument('<destination>', 'Folder for the GGUF files: a new one, or an empty one')
    .addOption(new Option('--outtype <type>', 'Type of the weights').choices(outtypes).default('auto'));
  addSettingFlags(command, ['logLevel']);
  command.action((sourceDir: string, destinationDir: string, { outtype }: { outtype: Outtype }) =>
    convert({ sourceDir, destinationDir, outtype }, context),
  );
}

async function convert(
  options: { readonly sourceDir: string; readonly destinationDir: string; readonly outtype: Outtype },
  { output, signal, dependencies }: Context,
): Promise<void> {
  const progress = conversionProgress(output);
  try {
    const converter = await dependencies.loadConverter();
    const paths = await convertInto({ ...options, converter, onProgress: progress.show, signal });
    progress.succeed();
    for (const path of paths) output.print(path);
  } finally {
    progress.end();
  }
}
