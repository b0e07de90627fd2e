import type { Command } from 'commander';
import { embed } from '../client/index.ts';
import { hideSecretFlags } from './access-settings.ts';
import { connect, connectionSettingNames, isForServers } from './ask/connect.ts';
import { readPrompt } from './ask/question.ts';
import { describeConfiguration } from './configuration.ts';
import type { Context } from './context.ts';
import { addMaxFlags, tellMaxFlags } from './max-flags.ts';
import { logLevelOf } from './output.ts';
import { addSettingFlags, storeHelp } from './setting-flags.ts';
import { modelArgument, verbSettings } from './verb-settings.ts';

const settingNames = [...connectionSettingNames, 'prompt', 'numWarmups'] as const;

const afterHelp = (): string => `
Without a prompt, standard input is the text. Prints one JSON object.
${storeHelp()}

Examples:
  vserve encode Qwen/Qwen3-Embedding-0.6B --prompt "A red circle"
  vserve encode --url http://localhost:8000 < text.txt`;

/** Makes `command` the verb `encode`. */
export function define(command: Command, context: Context): void {
  command.argument('[model]', 'The same as --model');
  addSettingFlags(
    command,
    settingNames.filter((name) => !isForServers(name)),
  );
  addMaxFlags(command);
  command.addHelpText('after', afterHelp());
  command.action((model: string | undefined) => encode(command, model, context));
}

async function encode(command: Command, argument: string | undefined, context: Context): Promise<void> {
  const { output, signal } = context;
  const loaded = await verbSettings(command, settingNames, context, modelArgument(command, argument));
  const { settings } = loaded;
  output.level = logLevelOf(settings.logLevel);
  hideSecretFlags(loaded.origins, 'encode');
  tellMaxFlags(command, output);
  if (settings.prettyPrintConfig) output.note(describeConfiguration(loaded, settingNames));
  const input = await readPrompt(settings.prompt, context);
  // A model that is loaded for this computes embeddings, whatever it was trained for.
  const connection = await connect({ ...loaded, settings: { ...settings, embeddings: true } }, context);
  const { endpoint, model } = connection;
  try {
    for (let run = 0; run < settings.numWarmups; run += 1) await embed(endpoint, { model, input }, signal);
    const { embedding, promptTokens } = await embed(endpoint, { model, input }, signal);
    output.print(JSON.stringify({ model, promptTokens, embedding }));
  } finally {
    await connection.close();
  }
}
