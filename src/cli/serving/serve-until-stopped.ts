import { once } from 'node:events';
import { prepareBackend } from '../../backend/index.ts';
import type { Backend, SamplingSettings } from '../../backend/index.ts';
import type { OpenServer, OpenServerOptions } from '../../server/index.ts';
import { checkAccess } from '../../server/check-access.ts';
import { checkPort } from '../../server/port.ts';
import { serveSettingNames } from '../../settings/index.ts';
import type { LoadedSettings, ServeSettingName, Settings } from '../../settings/index.ts';
import { hideSecretFlags } from '../access-settings.ts';
import { describeConfiguration } from '../configuration.ts';
import type { Context } from '../context.ts';
import { exposureOf } from '../exposure.ts';
import { loadModel } from '../load-model.ts';
import { metricsPortOf } from '../metrics-port.ts';
import { openAndLoad } from '../open-and-load.ts';
import { ServerFile } from '../running/server-files.ts';
import { serveSettings } from '../serve-settings.ts';
import type { ServeSettings } from '../serve-settings.ts';
import { version } from '../version.ts';
import type { Supervised } from './supervised.ts';

const STARS = '*'.repeat(80);

/**
 * Serves until the signal is aborted, for who starts the server again after a crash, if it is `supervised`. Checks that fail
 * fast come before steps that take minutes.
 */
export async function serveUntilStopped(
  loaded: LoadedSettings<ServeSettingName>,
  supervised: Supervised | undefined,
  context: Context,
): Promise<void> {
  const { output, dependencies, signal } = context;
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
  await prepareBackend(backend, { log: output.log, signal });
  output.note(
    `\n${output.style('bold', `vserve ${version}`)}\n\n${describeConfiguration(loaded, serveSettingNames)}\n`,
  );

  const file = new ServerFile(loaded.settings.runtimeFolder, output.log);
  try {
    await openAndServe(loaded, { backend, settings, metricsPort, file, supervised }, context);
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
  readonly supervised: Supervised | undefined;
}

/** Serves until the signal is aborted, with settings that were checked. */
async function openAndServe(
  loaded: LoadedSettings<ServeSettingName>,
  { backend, settings, metricsPort, file, supervised }: Checked,
  context: Context,
): Promise<void> {
  const { output, signal } = context;
  const { host: hosts, port } = loaded.settings;
  const { servedModelName, media } = settings;
  let describeState = notLoaded;
  context.reportRequests.addEventListener('report', () => output.log('info', describeState()));
  const { server, model, loadMs, release } = await openAndLoad(
    async () => {
      const opened = await open(
        {
          hosts,
          port,
          metricsPort,
          version,
          settings: settings.server,
          log: output.log,
          supervision: supervised?.supervision,
        },
        context,
      );
      const supervisor = supervised === undefined ? undefined : process.ppid;
      void file.create({ model: servedModelName, urls: [opened.url], version, supervisor });
      return opened;
    },
    (loading) => loadModel(backend, settings, loaded.settings, loading),
    context,
  );
  try {
    const samplingDefaults = samplingDefaultsOf(loaded.settings);
    const running = server.serve({ model, servedModelName, media, modelLoadMs: loadMs, samplingDefaults });
    describeState = running.report;
    supervised?.tellReady(running);
    await file.update({ urls: [...running.urls], state: 'ready' });
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
