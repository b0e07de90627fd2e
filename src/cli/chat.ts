import type { Command } from 'commander';
import { hideSecretFlags } from './access-settings.ts';
import { connectionSettingNames, isForServers } from './ask/connect.ts';
import { requestFields, samplingSettingNames } from './ask/request-fields.ts';
import { describeConfiguration } from './configuration.ts';
import type { Context } from './context.ts';
import { addMaxFlags, tellMaxFlags } from './max-flags.ts';
import { logLevelOf } from './output.ts';
import { addSettingFlags, storeHelp } from './setting-flags.ts';
import { modelArgument, verbSettings } from './verb-settings.ts';

const settingNames = [...connectionSettingNames, 'images', 'system', ...samplingSettingNames] as const;

const afterHelp = (): string => `
/help in the conversation lists its commands. Ctrl+C stops an answer; twice
leaves, as does Ctrl+D.
${storeHelp()}

Examples:
  vserve chat google/gemma-3-4b-it
  vserve chat --url http://localhost:8000 --image cat.jpg`;

/** Makes `command` the verb `chat`. */
export function define(command: Command, context: Context): void {
  command.argument('[model]', 'The same as --model');
  addSettingFlags(
    command,
    settingNames.filter((name) => !isForServers(name)),
  );
  addMaxFlags(command);
  command.addHelpText('after', afterHelp());
  command.action(async (model: string | undefined) => {
    const loaded = await verbSettings(command, settingNames, context, modelArgument(command, model));
    context.output.level = logLevelOf(loaded.settings.logLevel);
    hideSecretFlags(loaded.origins, 'chat');
    tellMaxFlags(command, context.output);
    if (loaded.settings.prettyPrintConfig) context.output.note(describeConfiguration(loaded, settingNames));
    const { converse } = await import('./chat/converse.ts');
    await converse(loaded, await requestFields(loaded.settings), context);
  });
}
