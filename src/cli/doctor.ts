import type { Command } from 'commander';
import type { Backend } from '../backend/index.ts';
import { isCodedError, messageOf, VserveError } from '../errors/index.ts';
import type { Context } from './context.ts';
import type { Check, Finding } from './doctor/check.ts';
import { fail, ok } from './doctor/check.ts';
import { checkAccessToHub, checkDisk, checkStore } from './doctor/store-checks.ts';
import { checkCompiler, checkCpu, checkDrivers, checkMemory, checkNode } from './doctor/system-checks.ts';
import { hubAccess, hubSettingNames } from './hub-access.ts';
import { formatBytes, printable } from './printable.ts';
import { runningServers } from './running/server-files.ts';
import { addSettingFlags } from './setting-flags.ts';
import { verbSettings } from './verb-settings.ts';
import { version } from './version.ts';

const settingNames = ['home', 'runtimeFolder', 'backend', 'devices', ...hubSettingNames] as const;
const marks = { ok: '✔', warn: '!', fail: '✖' } as const;

const AFTER_HELP = `
The exit code is 1 if something fails that serving needs, otherwise 0.`;

interface Result extends Finding {
  readonly name: string;
}

/** Makes `command` the verb `doctor`. */
export function define(command: Command, context: Context): void {
  command.option('--json', 'Print JSON');
  addSettingFlags(command, ['backend', 'devices', 'logLevel']);
  command.addHelpText('after', AFTER_HELP);
  command.action(({ json }: { json?: true }) => examine(command, json === true, context));
}

async function examine(command: Command, isJson: boolean, context: Context): Promise<void> {
  const { output } = context;
  const checks = await checksOf(command, context);
  const results = await Promise.all(checks.map(resultOf));
  const failed = results.filter(({ status }) => status === 'fail');
  if (isJson) output.print(JSON.stringify({ version, ok: failed.length === 0, checks: results }, undefined, 2));
  else output.print(results.map((result) => lineOf(result)).join('\n'));
  context.signal.throwIfAborted();
  if (failed.length === 0) return;
  const names = failed.map(({ name }) => name).join(', ');
  throw new VserveError('native_addon_missing', `vserve cannot serve here yet: see ${names} above.`);
}

async function checksOf(command: Command, context: Context): Promise<readonly Check[]> {
  const { output, signal, dependencies } = context;
  const { settings } = await verbSettings(command, settingNames, context);
  const engine = examineEngine(dependencies.findBackend(settings.backend));
  const device = engine.then(({ backend }) =>
    backend?.deviceMemory?.(settings.devices, { log: (level, text) => output.log(level, text), signal }),
  );
  device.catch(() => undefined);
  const hub = checkAccessToHub(
    hubAccess(settings, dependencies, () => undefined),
    signal,
  );
  hub.catch(() => undefined);
  return [
    { name: 'Node', run: () => Promise.resolve(checkNode()) },
    { name: 'Engine', run: async () => (await engine).finding },
    { name: 'Compiler', run: async () => checkCompiler((await engine).finding.status === 'ok') },
    { name: 'Processor', run: checkCpu },
    { name: 'Memory', run: checkMemory },
    { name: 'Devices', run: async () => deviceFinding(await device) },
    { name: 'Drivers', run: async () => checkDrivers((await device.catch(() => undefined))?.device) },
    { name: 'Store', run: () => checkStore(settings.home) },
    { name: 'Disk', run: () => checkDisk(settings.home) },
    { name: 'Token', run: async () => (await hub)[0] },
    { name: 'Hub', run: async () => (await hub)[1] },
    { name: 'Servers', run: () => serversFinding(settings.runtimeFolder) },
  ];
}

interface Engine {
  readonly finding: Finding;
  /** Undefined if it cannot run. */
  readonly backend: Backend | undefined;
}

async function examineEngine(finding: Promise<Backend>): Promise<Engine> {
  try {
    const backend = await finding;
    await backend.check?.();
    return { finding: ok(`${backend.name} is ready`), backend };
  } catch (error) {
    return { finding: failureOf(error), backend: undefined };
  }
}

function deviceFinding(memory: { readonly device: string; readonly freeBytes: number } | undefined): Finding {
  if (memory === undefined) return ok('not known to this engine');
  return ok(`${memory.device}, ${formatBytes(memory.freeBytes)} free`);
}

async function serversFinding(folder: string): Promise<Finding> {
  const running = await runningServers(folder);
  if (running.length === 0) return ok('none running');
  return ok(running.map(({ pid, model, urls }) => `${pid} (${model}, ${urls.join(', ')})`).join('; '));
}

async function resultOf({ name, run }: Check): Promise<Result> {
  return { name, ...(await run().catch(failureOf)) };
}

/** The first line of a message says what is wrong, the others what to do. */
function failureOf(error: unknown): Finding {
  const [detail = '', ...advice] = messageOf(error).split('\n');
  const next = isCodedError(error) ? advice.join(' ') : 'Run it again with --log-level DEBUG.';
  return fail(detail, next);
}

function lineOf({ name, status, detail, advice }: Result): string {
  const line = `${marks[status]} ${name.padEnd(10)} ${printable(detail).replaceAll('\n', ' ')}`;
  return advice === undefined || advice === '' ? line : `${line}\n${' '.repeat(13)}${printable(advice)}`;
}
