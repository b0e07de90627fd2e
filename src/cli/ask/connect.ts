import { randomBytes } from 'node:crypto';
import { prepareBackend } from '../../backend/index.ts';
import type { Endpoint } from '../../client/index.ts';
import { endpointAt, servedModel } from '../../client/index.ts';
import { isCodedError, VserveError } from '../../errors/index.ts';
import { options, serveSettingNames } from '../../settings/index.ts';
import type { LoadedSettings, ServeSettingName, SettingName, Settings } from '../../settings/index.ts';
import { warnOfAddressSpace } from '../address-space.ts';
import type { Context } from '../context.ts';
import { loadModel } from '../load-model.ts';
import { openAndLoad } from '../open-and-load.ts';
import type { Output } from '../output.ts';
import { serveSettings } from '../serve-settings.ts';
import { version } from '../version.ts';

/** What finding or loading a model needs. */
export const connectionSettingNames = [...serveSettingNames, 'url'] as const;

/** Settings of those of `connectionSettingNames` that only a server with clients of its own has: `generate` has no flags for them. */
export function isForServers(name: SettingName): boolean {
  const others: readonly SettingName[] = [
    'allowedImageRoots',
    'maxLocalImageBytes',
    'mediaUrlSsrfProtectionEnabled',
    'mediaUrlAllowedHosts',
    'logFormat',
    'logPrefix',
    'logFile',
    'logFileLevel',
    'logFileMaxBytes',
    'logFileCount',
    'loraPaths',
    'enableLora',
    'maxNumLoras',
    'maxLoraRank',
  ];
  return (options[name].group === 'Server' && name !== 'apiKey') || others.includes(name);
}

export type ConnectionSettings = LoadedSettings<ServeSettingName | 'url'>;

/** A model that answers. */
export interface Connection {
  readonly endpoint: Endpoint;
  /** The name that requests use. */
  readonly model: string;
  /** Where it runs, in words, if it runs here. */
  readonly device?: string;
  /** Frees the model, if it was loaded here. */
  readonly close: () => Promise<void>;
}

/** The model at `--url`, or `--model` loaded in this process. Throws what loading and reaching it throw. */
export async function connect(loaded: ConnectionSettings, context: Context): Promise<Connection> {
  const { url, apiKey, model, servedModelName } = loaded.settings;
  if (url === undefined) return loadHere(loaded, context);
  const endpoint = await endpointAt(url, apiKey[0]);
  const asked = servedModelName ?? model;
  const served = await servedModel(endpoint, context.signal).catch((error: unknown) => {
    // A server may list nothing, or only to others. One that is not there should be told at once.
    if (asked === undefined || (isCodedError(error) && error.code === 'server_unreachable')) throw error;
    return asked;
  });
  return { endpoint, model: asked ?? served, close: () => endpoint.dispatcher.close() };
}

/**
 * Serves a model to this process alone, on a port that needs a key that nobody else has: so requests take the same way as
 * those of any client, with the same defaults and limits.
 */
async function loadHere(loaded: ConnectionSettings, context: Context): Promise<Connection> {
  const { dependencies } = context;
  const key = randomBytes(32).toString('base64url');
  const settings = { ...loaded.settings, ...standalone(loaded.settings), apiKey: [key] };
  await warnOfAddressSpace(context.output);
  const backend = await dependencies.findBackend(settings.backend);
  if (settings.model === undefined && backend.needsNoModel !== true) throw noModel();
  const serve = await serveSettings({ ...loaded, settings }, backend);
  await prepareBackend(backend, { log: context.output.log, signal: context.signal });
  const quiet = { ...context, output: quietened(context.output) };
  const { server, model, release } = await openAndLoad(
    async () =>
      (await dependencies.loadServer()).openServer({
        hosts: ['127.0.0.1'],
        port: 0,
        metricsPort: undefined,
        version,
        settings: serve.server,
        log: quiet.output.log,
      }),
    (loading) => loadModel(backend, serve, settings, { ...loading, output: quiet.output }),
    context,
  );
  const running = server.serve({ model, servedModelName: serve.servedModelName, media: serve.media });
  const endpoint = { ...(await endpointAt(running.url, key)), name: 'The model' };
  return {
    endpoint,
    model: serve.servedModelName,
    device: model.info.device,
    async close() {
      await endpoint.dispatcher.destroy();
      await running.shutdown();
      await model.close();
      await release();
    },
  };
}

/** Settings of a server that has one client, which runs as the same user. */
function standalone({ maxBatchSize }: Pick<Settings, 'maxBatchSize'>) {
  return {
    // One conversation: all of the memory for its context.
    maxBatchSize: maxBatchSize ?? 1,
    apiTypes: ['openai'],
    apiKeyFile: undefined,
    maxRequestsPerKey: undefined,
    sslKeyfile: undefined,
    sslCertfile: undefined,
    sslKeyfilePassword: undefined,
    trustedProxies: [],
    allowedHosts: [],
    gracefulShutdownTimeoutS: 0,
    loraPaths: [],
    enableLora: undefined,
    // Whoever names an address on this command line could fetch it as well.
    mediaUrlSsrfProtectionEnabled: false,
  } as const;
}

/** Tells warnings and what a person waits for; lines about requests and routine are for `--log-level DEBUG`. */
function quietened(output: Output): Output {
  return Object.assign(Object.create(output) as Output, {
    log: (...[level, ...rest]: Parameters<Output['log']>) => output.log(level === 'info' ? 'debug' : level, ...rest),
  });
}

function noModel(): VserveError {
  const message = 'No model to ask. Name one (org/name, a folder or a .gguf file), or a running server with --url.';
  return new VserveError('invalid_setting', message, { param: 'model' });
}
