import type { Command } from 'commander';
import { Option } from 'commander';
import { loadSettings, serveSettingNames } from '../settings/index.ts';
import type { Context } from './context.ts';
import { addMaxFlags, tellMaxFlags } from './max-flags.ts';
import { openLog } from './open-log.ts';
import { allowSeveralModels, modelsGiven } from './served-models.ts';
import { addSettingFlags, givenFlags, storeHelp } from './setting-flags.ts';
import { tellSources } from './verb-settings.ts';

const afterHelp = (): string => `
Flags override the environment, which overrides .env in the current folder,
which overrides --config-file, which overrides the defaults. A .env cannot set
what runs programs, where the token goes, where models are kept, or what
protects the server.
${storeHelp()}

Examples:
  vserve serve google/gemma-3-4b-it
  vserve serve --model ./gemma-3-4b-it
  vserve serve --model ./gemma-3-4b-it-Q4_K_M.gguf --mmproj ./mmproj-F16.gguf
  vserve serve --model google/gemma-3-4b-it --model ./qwen --keep-alive 30m`;

/** Makes `command` the verb `serve`. */
export function define(command: Command, context: Context): void {
  command.argument('[model]', 'The same as --model');
  addSettingFlags(command, serveSettingNames);
  allowSeveralModels(command);
  addMaxFlags(command);
  // What `--restart-on-crash` starts: the server itself.
  command.addOption(new Option('--supervised').hideHelp());
  command.addHelpText('after', afterHelp());
  command.action((model: string | undefined, { supervised }: { supervised?: true }) =>
    serve(command, { model, isSupervised: supervised === true }, context),
  );
}

interface Asked {
  readonly model: string | undefined;
  readonly isSupervised: boolean;
}

/** Loads what serves only now: the help needs none of it, nor does what looks after a server. */
async function serve(command: Command, { model, isSupervised }: Asked, context: Context): Promise<void> {
  const { models, flags: modelFlags } = modelsGiven(command, model);
  const flags = { ...givenFlags(command), ...modelFlags };
  const loaded = await loadSettings(serveSettingNames, { flags });
  if (loaded.settings.restartOnCrash && !isSupervised) {
    const { supervise } = await import('./serving/supervise.ts');
    return supervise(loaded.settings, context);
  }
  const { superviseMe } = await import('./serving/supervised.ts');
  const supervised = isSupervised ? await superviseMe() : undefined;
  const settings = supervised?.withPorts(loaded.settings) ?? loaded.settings;
  await tellSources(loaded, context);
  await openLog(settings, context.output);
  tellMaxFlags(command, context.output);
  const { serveUntilStopped } = await import('./serving/serve-until-stopped.ts');
  await serveUntilStopped({ ...loaded, settings }, { models, supervised }, context);
}
