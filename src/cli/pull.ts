import type { Command } from 'commander';
import { isCodedError, VserveError } from '../errors/index.ts';
import type { DownloadEvent } from '../hub/index.ts';
import type { Settings } from '../settings/index.ts';
import { downloadRequest, pullModel } from '../store/index.ts';
import type { ConversionProgress, PrepareModelOptions } from '../store/index.ts';
import { conversionProgress } from './conversion-progress.ts';
import type { Context } from './context.ts';
import { converterSettingNames, loadConverter } from './converter.ts';
import { downloadProgress } from './download-progress.ts';
import { hubAccess, hubSettingNames } from './hub-access.ts';
import { jsonProgress } from './json-progress.ts';
import { addMaxFlags, tellMaxFlags } from './max-flags.ts';
import { precisionsOf } from './precision.ts';
import { formatBytes, printable } from './printable.ts';
import { retryReporter } from './retry-reporter.ts';
import { addSettingFlags, storeHelp } from './setting-flags.ts';
import { formatTable } from './table.ts';
import { modelArgument, verbSettings } from './verb-settings.ts';

const settingNames = [
  'model',
  'mmproj',
  'quantizationEncoding',
  'mmprojQuantizationEncoding',
  ...converterSettingNames,
  'devices',
  'backend',
  'home',
  'logLevel',
  ...hubSettingNames,
] as const;

const afterHelp = (): string => `
The token comes from HF_TOKEN, or from the file that "hf auth login" writes.
HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_TOKEN_PATH, HF_HUB_OFFLINE, HTTP_PROXY,
HTTPS_PROXY and NO_PROXY work as in Hugging Face's own tools.
An interrupted pull resumes where it stopped.
${storeHelp()}

Examples:
  vserve pull google/gemma-3-4b-it
  vserve pull ggml-org/gemma-3-4b-it-GGUF --quantization-encoding q4_k_m`;

interface PullFlags {
  readonly dryRun?: true;
  readonly json?: true;
  readonly quiet?: true;
}

/** How a pull reports its progress. */
interface Shown {
  readonly onEvent: (event: DownloadEvent) => void;
  readonly onConversion: (progress: ConversionProgress) => void;
  readonly succeed: () => void;
  readonly end: () => void;
}

/** Makes `command` the verb `pull`. */
export function define(command: Command, context: Context): void {
  command
    .argument('[id]', 'A model of the Hugging Face Hub: org/name')
    .option('--dry-run', 'Only show what would be downloaded')
    .option('--json', 'Print each step as a line of JSON')
    .option('--quiet', 'Print only the paths of the files');
  addSettingFlags(command, settingNames);
  addMaxFlags(command);
  command.addHelpText('after', afterHelp());
  command.action((id: string | undefined, flags: PullFlags) => pull(command, id, flags, context));
}

async function pull(command: Command, id: string | undefined, flags: PullFlags, context: Context): Promise<void> {
  const { output } = context;
  const { settings } = await verbSettings(command, settingNames, context, modelArgument(command, id));
  const { model } = settings;
  if (model === undefined) {
    throw new VserveError('invalid_setting', 'No model to pull. Give its id: vserve pull org/name', {
      param: 'model',
    });
  }
  if (flags.quiet === true) output.level = 'error';
  tellMaxFlags(command, output);
  try {
    await (flags.dryRun === true ? preview : fetchAndConvert)(model, flags, settings, context);
  } catch (error) {
    if (flags.json === true && isCodedError(error)) {
      output.print(JSON.stringify({ event: 'error', code: error.code, message: printable(error.message) }));
    }
    throw error;
  }
}

type PullSettings = Pick<Settings, (typeof settingNames)[number]>;

async function fetchAndConvert(
  model: string,
  flags: PullFlags,
  settings: PullSettings,
  context: Context,
): Promise<void> {
  const { output } = context;
  const shown = flags.json === true ? jsonProgress(output.print) : shownOnTerminal(context);
  try {
    const { modelPath, mmprojPath, release } = await pullModel(pullOptions(model, settings, shown, context));
    await release();
    shown.succeed();
    if (flags.json === true)
      output.print(JSON.stringify({ event: 'ready', modelPath, mmprojPath: mmprojPath ?? null }));
    else output.print([modelPath, ...(mmprojPath === undefined ? [] : [mmprojPath])].join('\n'));
  } finally {
    shown.end();
  }
}

async function preview(model: string, { json }: PullFlags, settings: PullSettings, context: Context): Promise<void> {
  const { output, dependencies } = context;
  const reportRetry = retryReporter(output);
  const onEvent = (event: DownloadEvent): void => {
    reportRetry(event);
    if (event.type === 'warning') output.log('warning', event.message);
    if (event.type !== 'plan') return;
    const { type, ...plan } = event;
    output.print(json === true ? JSON.stringify({ event: type, ...plan }) : describePlan(event));
  };
  const shown: Shown = { onEvent, onConversion: () => undefined, succeed: () => undefined, end: () => undefined };
  const request = await downloadRequest(model, pullOptions(model, settings, shown, context));
  const { previewDownload } = await dependencies.loadHub();
  await previewDownload(request);
}

function pullOptions(
  model: string,
  settings: PullSettings,
  { onEvent, onConversion }: Shown,
  { output, signal, dependencies }: Context,
): PrepareModelOptions {
  return {
    model,
    mmproj: settings.mmproj,
    ...precisionsOf(settings),
    backend: { load: () => dependencies.findBackend(settings.backend), devices: settings.devices },
    hub: hubAccess(settings, dependencies, onEvent),
    home: settings.home,
    loadConverter: () => loadConverter(settings, dependencies),
    onProgress: onConversion,
    log: output.log,
    signal,
  };
}

function shownOnTerminal({ output }: Context): Shown {
  const download = downloadProgress(output);
  const conversion = conversionProgress(output);
  return {
    onEvent: download.onEvent,
    onConversion: conversion.show,
    succeed: conversion.succeed,
    end() {
      download.end();
      conversion.end();
    },
  };
}

function describePlan({ repository, commit, reason, files }: Extract<DownloadEvent, { type: 'plan' }>): string {
  const missing = files.reduce((sum, { bytes, bytesDone }) => sum + bytes - bytesDone, 0);
  const rows = files.map(({ path, bytes, bytesDone }) => {
    const here =
      bytesDone === bytes ? 'on this machine' : bytesDone > 0 ? `${formatBytes(bytesDone)} on this machine` : '';
    return [`  ${path}`, formatBytes(bytes), here];
  });
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  return [
    `${repository} at ${commit}`,
    ...(reason === undefined ? [] : [reason]),
    formatTable(rows),
    `To download: ${formatBytes(missing)} of ${formatBytes(total)}`,
  ].join('\n');
}
