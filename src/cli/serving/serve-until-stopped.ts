import { once } from 'node:events';
import { prepareBackend } from '../../backend/index.ts';
import type { Backend, ModelInfo } from '../../backend/index.ts';
import type { OpenServer, OpenServerOptions, RunningServer } from '../../server/index.ts';
import { checkAccess } from '../../server/check-access.ts';
import { checkPort } from '../../server/port.ts';
import { serveSettingNames } from '../../settings/index.ts';
import type { FileModel, LoadedSettings, ServeSettingName, Settings } from '../../settings/index.ts';
import { hideSecretFlags } from '../access-settings.ts';
import { refuseEnableLora } from '../adapters.ts';
import { warnOfAddressSpace } from '../address-space.ts';
import { describeConfiguration } from '../configuration.ts';
import type { Context } from '../context.ts';
import { exposureOf } from '../exposure.ts';
import { loadModel } from '../load-model.ts';
import { isMetricsOptional, metricsPortOf } from '../metrics-port.ts';
import { openAndLoad } from '../open-and-load.ts';
import { ServerFile } from '../running/server-files.ts';
import { samplingDefaultsOf } from '../sampling-defaults.ts';
import { serveSettings } from '../serve-settings.ts';
import type { ServeSettings } from '../serve-settings.ts';
import { modelsToManage } from '../served-models.ts';
import { version } from '../version.ts';
import { openSeveral } from './serve-several.ts';
import type { Supervised } from './supervised.ts';

const STARS = '*'.repeat(80);

/** A gateway sees within this time that the server ends. */
const QUIET_MS = 200;

interface Asked {
  /** As `--model` names them. */
  readonly models: readonly string[];
  readonly supervised: Supervised | undefined;
}

/**
 * Serves until the signal is aborted, for who starts the server again after a crash, if it is `supervised`. Checks that fail
 * fast come before steps that take minutes.
 */
export async function serveUntilStopped(
  given: LoadedSettings<ServeSettingName>,
  { models: names, supervised }: Asked,
  context: Context,
): Promise<void> {
  const models = await modelsToManage(names, given);
  // Settings that each model has for itself are checked with it.
  const loaded = models === undefined ? given : withModels(given, models);
  const { output, dependencies, signal } = context;
  const { host: hosts, port, backend: backendName } = loaded.settings;
  hideSecretFlags(loaded.origins, 'serve');
  for (const variable of loaded.unknownVariables) output.log('warning', variable);
  await warnOfAddressSpace(output);
  const backend = await dependencies.findBackend(backendName);
  const settings = await serveSettings(loaded, backend);
  if (!settings.media.ssrfProtectionEnabled) {
    const message =
      'Images are fetched from any address, including this machine and its network: MAX_SERVE_MEDIA_URL_SSRF_PROTECTION_ENABLED is off.';
    output.log('warning', message);
  }
  if (supervised?.hasSockets !== true) await checkPort(hosts, port);
  const metricsPort = await metricsPortOf(loaded, checkPort, output.log);
  await checkAccess(settings.server);
  await prepareBackend(backend, { log: output.log, signal });
  output.note(
    `\n${output.style('bold', `vserve ${version}`)}\n\n${describeConfiguration(loaded, serveSettingNames)}\n`,
  );

  const file = new ServerFile(loaded.settings.runtimeFolder, output.log);
  try {
    await openAndServe(loaded, { backend, settings, models, metricsPort, file, supervised }, context);
  } finally {
    await file.remove();
  }
  output.log('info', 'Stopped.');
}

interface Checked {
  readonly backend: Backend;
  readonly settings: ServeSettings;
  /** Undefined for the one model that the server starts with. */
  readonly models: readonly FileModel[] | undefined;
  readonly metricsPort: number | undefined;
  readonly file: ServerFile;
  readonly supervised: Supervised | undefined;
}

/** Serves until the signal is aborted, with settings that were checked. */
async function openAndServe(
  loaded: LoadedSettings<ServeSettingName>,
  checked: Checked,
  context: Context,
): Promise<void> {
  const { backend, settings, models, metricsPort, file, supervised } = checked;
  const { output } = context;
  const { host: hosts, port } = loaded.settings;
  const { media } = settings;
  let describeState = notLoaded;
  context.reportRequests.addEventListener('report', () => output.log('info', describeState()));
  const openNamed = async (names: readonly string[]): Promise<OpenServer> => {
    const opened = await open(
      {
        hosts,
        port,
        metricsPort,
        // Another server may have taken it since it was checked.
        isMetricsOptional: isMetricsOptional(loaded),
        version,
        settings: settings.server,
        log: output.log,
        supervision: supervised?.supervision,
        quietMs: QUIET_MS,
      },
      context,
    );
    const supervisor = supervised === undefined ? undefined : process.ppid;
    void file.create({ model: names.join(', '), urls: [opened.url], version, supervisor });
    return opened;
  };
  const untilStopped = (running: RunningServer): Promise<void> => {
    describeState = running.report;
    return runUntilStopped(running, checked, hosts, context);
  };
  if (models !== undefined) {
    refuseEnableLora(loaded.settings);
    await untilStopped(await openSeveral({ backend, settings, models }, loaded, openNamed, context));
    return;
  }
  const { server, model, loadMs, adapters, release } = await openAndLoad(
    () => openNamed([settings.servedModelName]),
    (loading) => loadModel(backend, settings, loaded.settings, loading),
    context,
  );
  try {
    const samplingDefaults = samplingDefaultsOf(loaded.settings);
    const servedModelName = nameOf(loaded.settings, model.info) ?? settings.servedModelName;
    await file.update({ model: servedModelName });
    await untilStopped(
      server.serve({ model, servedModelName, media, adapters, modelLoadMs: loadMs, samplingDefaults }),
    );
  } finally {
    await model.close();
    await release();
  }
}

/** Tells where a server is, waits for the signal, and shuts it down. */
async function runUntilStopped(
  running: RunningServer,
  { settings, file, supervised }: Pick<Checked, 'settings' | 'file' | 'supervised'>,
  hosts: readonly string[],
  { output, signal }: Context,
): Promise<void> {
  supervised?.tellReady(running);
  await file.update({ urls: [...running.urls], state: 'ready' });
  if (running.metricsUrl !== undefined) output.log('info', `Metrics are at ${running.metricsUrl}`);
  const pageUrl = pageUrlOf(running.urls);
  if (settings.server.playground && pageUrl !== undefined) output.log('info', `The playground is at ${pageUrl}`);
  const hasTls = settings.server.tls !== undefined;
  output.log(...exposureOf({ hosts, port: running.port, hasKeys: running.needsKey, hasTls }));
  output.print(`\n${STARS}\n🚀 Server ready on ${running.urls.join(', ')} (Press CTRL+C to quit)\n${STARS}\n`);
  void running.warmUp();
  if (!signal.aborted) await once(signal, 'abort');
  await file.update({ state: 'stopping' });
  output.log('info', stopping(running.requestsInFlight(), settings.server.gracefulShutdownTimeoutS));
  await running.shutdown();
}

/** Where a browser on this machine finds the server: not every system takes the address of all interfaces for one. */
function pageUrlOf(urls: readonly string[]): string | undefined {
  const found = urls.find((url) => url.startsWith('http'));
  if (found === undefined) return undefined;
  const url = new URL(found);
  if (['0.0.0.0', '[::]'].includes(url.hostname)) url.hostname = 'localhost';
  return url.href;
}

/** Opens the port of the server, which reads its files again at a hangup. */
async function open(options: OpenServerOptions, { dependencies, hangups }: Context): Promise<OpenServer> {
  const server = await (await dependencies.loadServer()).openServer(options);
  hangups.addEventListener('hangup', () => void server.reload());
  return server;
}

/** A model that is elsewhere may know its name. */
function nameOf({ servedModelName, model }: Pick<Settings, 'servedModelName' | 'model'>, info: ModelInfo) {
  return servedModelName ?? model ?? info.servedName;
}

function notLoaded(): string {
  return 'The model is not loaded yet.';
}

/** The settings of a server of several models, named as one for what is told of the configuration. */
function withModels(
  loaded: LoadedSettings<ServeSettingName>,
  models: readonly FileModel[],
): LoadedSettings<ServeSettingName> {
  const model = models.map(({ settings }) => settings.model).join(', ');
  return { ...loaded, settings: { ...loaded.settings, model } };
}

function stopping(requestCount: number, timeoutS: number): string {
  if (requestCount === 0) return 'Stopping.';
  const requests = requestCount === 1 ? '1 running request has' : `${requestCount} running requests have`;
  return `Stopping: ${requests} ${timeoutS} s to finish.`;
}
