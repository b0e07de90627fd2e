import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { VserveError } from '../errors/index.ts';
import type { Context } from './context.ts';
import { isAlive, runningServers } from './running/server-files.ts';
import type { ServerEntry } from './running/server-files.ts';
import { addSettingFlags } from './setting-flags.ts';
import { verbSettings } from './verb-settings.ts';

const POLL_MS = 50;
const DEFAULT_TIMEOUT_S = 30;

interface StopFlags {
  readonly all?: true;
  readonly force?: true;
  readonly timeoutS?: string;
}

const AFTER_HELP = `
A server stops as at Ctrl+C: running requests have the time that its
--graceful-shutdown-timeout-s gives them.

Examples:
  vserve stop                  # if only one is running
  vserve stop 8000
  vserve stop google/gemma-3-4b-it`;

/** Makes `command` the verb `stop`. */
export function define(command: Command, context: Context): void {
  command
    .argument('[servers...]', 'Process ids, ports or models, as vserve ps lists them')
    .option('--all', 'Stop all of them')
    .option('--force', 'Kill what has not ended in time')
    .option('--timeout-s <seconds>', `How long to wait for the end (default: ${DEFAULT_TIMEOUT_S})`);
  addSettingFlags(command, ['logLevel']);
  command.addHelpText('after', AFTER_HELP);
  command.action((names: readonly string[], flags: StopFlags) => stop(command, names, flags, context));
}

async function stop(command: Command, names: readonly string[], flags: StopFlags, context: Context): Promise<void> {
  const { output, signal } = context;
  const timeoutMs = timeoutOf(flags.timeoutS);
  const { settings } = await verbSettings(command, ['runtimeFolder'], context);
  const running = await runningServers(settings.runtimeFolder);
  const chosen = flags.all === true ? running : choose(running, names);
  if (chosen.length === 0) output.note('No server of this user is running.');
  for (const { pid } of chosen) signalProcess(pid, 'SIGTERM');
  await Promise.all(
    chosen.map(async (server) => {
      await ended(server, { timeoutMs, force: flags.force === true, signal });
      output.print(`Stopped ${server.pid} (${server.model})`);
    }),
  );
}

function timeoutOf(given: string | undefined): number {
  if (given === undefined) return DEFAULT_TIMEOUT_S * 1000;
  if (/^\d{1,6}(\.\d+)?$/.test(given)) return Number(given) * 1000;
  throw new VserveError('invalid_setting', `--timeout-s is "${given}": it must be a number of seconds.`);
}

/** The servers that were named; without a name, the only one. Throws `invalid_setting`. */
function choose(running: readonly ServerEntry[], names: readonly string[]): readonly ServerEntry[] {
  if (names.length === 0) {
    if (running.length <= 1) return running;
    throw new VserveError('invalid_setting', `Several servers are running: ${list(running)}. Name one, or use --all.`);
  }
  const found = names.flatMap((name) => {
    const matching = running.filter((server) => isNamed(server, name));
    if (matching.length > 0) return matching;
    const others = running.length === 0 ? 'None is running.' : `Running are ${list(running)}.`;
    throw new VserveError('invalid_setting', `No server of this user is "${name}". ${others}`);
  });
  return [...new Set(found)];
}

function isNamed({ pid, model, urls }: ServerEntry, name: string): boolean {
  const isPort = urls.some((url) => URL.canParse(url) && new URL(url).port === name);
  return String(pid) === name || model === name || urls.includes(name) || isPort;
}

function list(servers: readonly ServerEntry[]): string {
  return servers.map(({ pid, model, urls }) => `${pid} (${model}, ${urls.join(', ')})`).join('; ');
}

interface Waiting {
  readonly timeoutMs: number;
  readonly force: boolean;
  readonly signal: AbortSignal;
}

/** Waits for the end of a server. Throws `shutting_down` if it does not come in time. */
async function ended(server: ServerEntry, { timeoutMs, force, signal }: Waiting): Promise<void> {
  const until = performance.now() + timeoutMs;
  let isKilled = false;
  while (await isAlive(server)) {
    if (performance.now() > until && force && !isKilled) {
      // It would be taken for a crash.
      if (server.supervisor !== undefined) signalProcess(server.supervisor, 'SIGKILL');
      signalProcess(server.pid, 'SIGKILL');
      isKilled = true;
    } else if (performance.now() > until && !force) {
      const message = `Process ${server.pid} is still running after ${timeoutMs / 1000} s. Wait for its requests, or add --force.`;
      throw new VserveError('shutting_down', message);
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** It may have ended in the meantime. */
function signalProcess(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Its end is what is wanted.
  }
}
