import { once } from 'node:events';
import type { Command } from 'commander';
import type { Backend, LoadedModel, ModelInfo, SamplingSettings } from '../backend/index.ts';
import { messageOf } from '../errors/index.ts';
import type { OpenServer, OpenServerOptions } from '../server/index.ts';
import { checkAccess } from '../server/check-access.ts';
import { checkPort } from '../server/port.ts';
import { serveSettingNames } from '../settings/index.ts';
import type { LoadedSettings, ServeSettingName, Settings } from '../settings/index.ts';
import { hideSecretFlags } from './access-settings.ts';
import { describeConfiguration } from './configuration.ts';
import type { Context } from './context.ts';
import { exposureOf } from './exposure.ts';
import { loadModel } from './load-model.ts';
import { addMaxFlags, tellMaxFlags } from './max-flags.ts';
import { metricsPortOf } from './metrics-port.ts';
import { openAndLoad } from './open-and-load.ts';
import { openLog } from './open-log.ts';
import type { Output } from './output.ts';
import { ServerFile } from './running/server-files.ts';
import { serveSettings } from './serve-settings.ts';
import type { ServeSettings } from './serve-settings.ts';
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
  addSettingFlags(command, serveSettingNames);
  addMaxFlags(command);
  command.addHelpText('after', afterHelp());
  command.action((model: string | undefined) => serve(command, model, context));
}

async function serve(command: Command, argument: string | undefined, context: Context): Promise<void> {
  const { output } = context;
  const loaded = await verbSettings(command, serveSettingNames, context, modelArgument(command, argument));
  await openLog(loaded.settings, output);
  tellMaxFlags(command, output);
  await serveUntilStopped(loaded, context);
}

/** Serves until the signal is aborted. Checks that fail fast come before steps that take minutes. */
async function serveUntilStopped(loaded: LoadedSettings<ServeSettingName>, context: Context): Promise<void> {
  const { output, dependencies } = context;
  const { host: hosts, port, backend: backendName } = loaded.settings;
  hideSecretFlags(loaded.origins, 'serve');
  for (const variable of loaded.unknownVariables) output.log('warning', variable);
  const backend = await dependencies.findBackend(backendName);
  const settings = await serveSettings(loaded, backend);
  if (!settings.media.ssrfProtectionEnabled) {
    const message =
      'Images are fetched from any address, including this machine and its network: MAX_SERVE_MEDIA_URL_SSRF_PROTECTION_ENABLED is off.';
    output.log('warning', message);
  }
  await checkPort(hosts, port);
  const metricsPort = await metricsPortOf(loaded, checkPort, output.log);
  await checkAccess(settings.server);
  await backend.check?.();
  output.note(
    `\n${output.style('bold', `vserve ${version}`)}\n\n${describeConfiguration(loaded, serveSettingNames)}\n`,
  );

  const file = new ServerFile(loaded.settings.runtimeFolder, output.log);
  try {
    await openAndServe(loaded, { backend, settings, metricsPort, file }, context);
  } finally {
    await file.remove();
  }
  output.log('info', 'Stopped.');
}

interface Checked {
  readonly backend: Backend;
  readonly settings: ServeSettings;
  readonly metricsPort: number | undefined;
  readonly file: ServerFile;
}

/** Serves until the signal is aborted, with settings that were checked. */
async function openAndServe(
  loaded: LoadedSettings<ServeSettingName>,
  { backend, settings, metricsPort, file }: Checked,
  context: Context,
): Promise<void> {
  const { output, signal } = context;
  const { host: hosts, port } = loaded.settings;
  const { media } = settings;
  let describeState = notLoaded;
  context.reportRequests.addEventListener('report', () => output.log('info', describeState()));
  const { server, model, loadMs, release } = await openAndLoad(
    async () => {
      const opened = await open(
        { hosts, port, metricsPort, version, settings: settings.server, log: output.log },
        context,
      );
      await file.create({ model: settings.servedModelName, urls: [opened.url], version });
      return opened;
    },
    (loading) => loadModel(backend, settings, loaded.settings, loading),
    context,
  );
  try {
    const samplingDefaults = samplingDefaultsOf(loaded.settings);
    const servedModelName = nameOf(loaded.settings, model.info) ?? settings.servedModelName;
    const running = server.serve({ model, servedModelName, media, modelLoadMs: loadMs, samplingDefaults });
    context.hangups.addEventListener('hangup', () => void reload(model, output.log));
    describeState = running.report;
    await file.update({ model: servedModelName, urls: [...running.urls], state: 'ready' });
    if (running.metricsUrl !== undefined) output.log('info', `Metrics are at ${running.metricsUrl}`);
    const pageUrl = running.urls.find((url) => url.startsWith('http'));
    if (settings.server.playground && pageUrl !== undefined) output.log('info', `The playground is at ${pageUrl}/`);
    const hasTls = settings.server.tls !== undefined;
    output.log(...exposureOf({ hosts, port: running.port, hasKeys: running.needsKey, hasTls }));
    output.print(`\n${STARS}\n🚀 Server ready on ${running.urls.join(', ')} (Press CTRL+C to quit)\n${STARS}\n`);
    if (!signal.aborted) await once(signal, 'abort');
    await file.update({ state: 'stopping' });
    output.log('info', stopping(running.requestsInFlight(), settings.server.gracefulShutdownTimeoutS));
    await running.shutdown();
  } finally {
    await model.close();
    await release();
  }
}

/** Opens the port of the server, which reads its files again at a hangup. */
async function open(options: OpenServerOptions, { dependencies, hangups }: Context): Promise<OpenServer> {
  const server = await (await dependencies.loadServer()).openServer(options);
  hangups.addEventListener('hangup', () => void server.reload());
  return server;
}

/** Has a model read its files again. */
async function reload(model: LoadedModel, log: Output['log']): Promise<void> {
  try {
    await model.reload?.();
  } catch (error) {
    log('warning', `The model's settings could not be read again and stay as they were: ${messageOf(error)}`);
  }
}

/** A model that is elsewhere may know its name. */
function nameOf({ servedModelName, model }: Pick<Settings, 'servedModelName' | 'model'>, info: ModelInfo) {
  return servedModelName ?? model ?? info.servedName;
}

function notLoaded(): string {
  return 'The model is not loaded yet.';
}

/** What requests get that set none. */
function samplingDefaultsOf({ temperature, topK }: Pick<Settings, 'temperature' | 'topK'>): Partial<SamplingSettings> {
  return { ...(temperature === undefined ? {} : { temperature }), ...(topK === undefined ? {} : { topK }) };
}

function stopping(requestCount: number, timeoutS: number): string {
  if (requestCount === 0) return 'Stopping.';
  const requests = requestCount === 1 ? '1 running request has' : `${requestCount} running requests have`;
  return `Stopping: ${requests} ${timeoutS} s to finish.`;
}
