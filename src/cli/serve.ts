import { once } from 'node:events';
import type { Command } from 'commander';
import type { Backend, LoadedModel, ModelFiles } from '../backend/index.ts';
import { settingNames } from '../settings/index.ts';
import { prepareModel } from '../store/index.ts';
import type { AskedPrecisions, PreparedModel, PrepareModelOptions } from '../store/index.ts';
import { describeConfiguration } from './configuration.ts';
import { conversionProgress } from './conversion-progress.ts';
import type { Context } from './context.ts';
import { loadConverter } from './converter.ts';
import { downloadProgress } from './download-progress.ts';
import { exposureOf } from './exposure.ts';
import { hubAccess } from './hub-access.ts';
import { metricsPortOf } from './metrics-port.ts';
import { logLevelOf } from './output.ts';
import { serveSettings } from './serve-settings.ts';
import type { ServeSettings } from './serve-settings.ts';
import { checkPort } from '../server/port.ts';
import { addSettingFlags, storeHelp } from './setting-flags.ts';
import { modelArgument, verbSettings } from './verb-settings.ts';
import { version } from './version.ts';

const STARS = '*'.repeat(80);

const afterHelp = (): string => `
Flags override the environment, which overrides .env in the current folder,
which overrides --config-file, which overrides the defaults. A .env cannot set
what runs programs, where the token goes, where models are kept, or what
protects the server.
${storeHelp()}

Examples:
  vserve serve google/gemma-3-4b-it
  vserve serve --model ./gemma-3-4b-it
  vserve serve --model ./gemma-3-4b-it-Q4_K_M.gguf --mmproj ./mmproj-F16.gguf`;

/** Makes `command` the verb `serve`. */
export function define(command: Command, context: Context): void {
  command.argument('[model]', 'The same as --model');
  addSettingFlags(command, settingNames);
  command.addHelpText('after', afterHelp());
  command.action((model: string | undefined) => serve(command, model, context));
}

/** Serves a model until the signal is aborted. Checks that fail fast come before steps that take minutes. */
async function serve(command: Command, argument: string | undefined, context: Context): Promise<void> {
  const { output, signal, dependencies } = context;
  const loaded = await verbSettings(command, settingNames, context, modelArgument(command, argument));
  const { host, port, home, mmproj, backend: backendName, logLevel } = loaded.settings;
  output.level = logLevelOf(logLevel);
  for (const variable of loaded.unknownVariables) output.log('warning', variable);
  const backend = await dependencies.findBackend(backendName);
  const settings = await serveSettings(loaded, backend);
  if (!settings.media.ssrfProtectionEnabled) {
    const message =
      'Images are fetched from any address, including this machine and its network: MAX_SERVE_MEDIA_URL_SSRF_PROTECTION_ENABLED is off.';
    output.log('warning', message);
  }
  await checkPort(host, port);
  const metricsPort = await metricsPortOf(loaded, checkPort, output.log);
  await backend.check?.();
  output.note(`\n${output.style('bold', `vserve ${version}`)}\n\n${describeConfiguration(loaded)}\n`);

  const { devices } = settings.load;
  const files = await prepare(
    {
      ...settings,
      ...settings.precisions,
      home,
      mmproj,
      backend: { load: () => Promise.resolve(backend), devices },
    },
    loaded.settings,
    context,
  );
  let model: LoadedModel | undefined;
  try {
    // The server's modules load while the backend waits for child processes and disks.
    const [loadedModel, server] = await Promise.all([
      load(backend, files, settings, context),
      dependencies.loadServer(),
    ]);
    model = loadedModel;
    signal.throwIfAborted();
    const running = await server.startServer({
      host,
      port,
      metricsPort,
      model,
      servedModelName: settings.servedModelName,
      version,
      settings: settings.server,
      media: settings.media,
      log: output.log,
    });
    if (running.metricsUrl !== undefined) output.log('info', `Metrics are at ${running.metricsUrl}`);
    output.log(...exposureOf(host, running.port));
    output.print(`\n${STARS}\n🚀 Server ready on ${running.url} (Press CTRL+C to quit)\n${STARS}\n`);
    if (!signal.aborted) await once(signal, 'abort');
    output.log('info', stopping(running.requestsInFlight(), settings.server.gracefulShutdownTimeoutS));
    await running.shutdown();
  } finally {
    await model?.close();
    await files.release();
  }
  output.log('info', 'Stopped.');
}

function stopping(requestCount: number, timeoutS: number): string {
  if (requestCount === 0) return 'Stopping.';
  const requests = requestCount === 1 ? '1 running request has' : `${requestCount} running requests have`;
  return `Stopping: ${requests} ${timeoutS} s to finish.`;
}

type PrepareRequest = Pick<PrepareModelOptions, 'mmproj' | 'home' | 'backend' | keyof AskedPrecisions>;

async function prepare(
  { model, ...request }: PrepareRequest & { readonly model: string | undefined },
  settings: Parameters<typeof hubAccess>[0] & Parameters<typeof loadConverter>[0],
  { output, signal, dependencies }: Context,
): Promise<Omit<PreparedModel, 'name'>> {
  if (model === undefined) return { modelPath: '', mmprojPath: undefined, release: () => Promise.resolve() };
  const download = downloadProgress(output);
  const progress = conversionProgress(output);
  try {
    const files = await prepareModel({
      ...request,
      model,
      hub: hubAccess(settings, dependencies, download.onEvent),
      loadConverter: () => loadConverter(settings, dependencies),
      onProgress: progress.show,
      log: output.log,
      signal,
    });
    progress.succeed();
    return files;
  } finally {
    download.end();
    progress.end();
  }
}

async function load(
  backend: Backend,
  files: ModelFiles,
  settings: ServeSettings,
  { output, signal }: Context,
): Promise<LoadedModel> {
  const task = output.startTask();
  const onProgress = (stage: string, fraction: number) => task.update(`Loading: ${stage}`, fraction);
  try {
    const model = await backend.load(files, settings.load, { onProgress, log: output.log, signal });
    const { device, contextLength, maxBatchSize } = model.info;
    task.succeed(`Loaded on ${device} (${contextLength} tokens, ${maxBatchSize} at a time)`);
    return model;
  } finally {
    task.end();
  }
}
