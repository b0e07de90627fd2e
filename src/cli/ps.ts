import type { Command } from 'commander';
import type { Context } from './context.ts';
import { runningServers } from './running/server-files.ts';
import { addSettingFlags } from './setting-flags.ts';
import { formatNamedTable } from './table.ts';
import { verbSettings } from './verb-settings.ts';

/** Makes `command` the verb `ps`. */
export function define(command: Command, context: Context): void {
  command.option('--json', 'Print JSON');
  addSettingFlags(command, ['logLevel']);
  command.action(({ json }: { json?: true }) => list(command, json === true, context));
}

async function list(command: Command, isJson: boolean, context: Context): Promise<void> {
  const { output } = context;
  const { settings } = await verbSettings(command, ['runtimeFolder'], context);
  const servers = await runningServers(settings.runtimeFolder);
  if (isJson) {
    output.print(JSON.stringify(servers, undefined, 2));
  } else if (servers.length === 0) {
    output.note('No server of this user is running.');
  } else {
    const rows = servers.map(({ pid, model, urls, state, startedAt }) => [
      String(pid),
      model,
      urls.join(', '),
      state,
      startedAt.slice(0, 16).replace('T', ' '),
    ]);
    const header = ['PID', 'MODEL', 'ADDRESS', 'STATE', 'SINCE (UTC)'];
    output.print(formatNamedTable([header, ...rows], output.columns()));
  }
}
