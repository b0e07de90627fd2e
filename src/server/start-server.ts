import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LoadedModel } from '../backend/index.ts';
import type { MediaSettings } from '../media/index.ts';
import { createMediaResolver } from '../media/index.ts';
import { reasonOf, safeLog } from './access-log.ts';
import type { Log } from './access-log.ts';
import { Admission } from './admission.ts';
import { createApp } from './app.ts';
import { BodyMemory } from './body-memory.ts';
import { CpuShare } from './cpu-share.ts';
import { statusOf } from './error-response.ts';
import { createHttpServer } from './http-server.ts';
import { limitConnections } from './connection-limit.ts';
import { Metrics } from './metrics/metrics.ts';
import { startMetricsServer } from './metrics/metrics-server.ts';
import type { MetricsServer } from './metrics/metrics-server.ts';
import { listen, urlOf } from './port.ts';
import { Requests } from './requests.ts';
import type { ServerSettings } from './server-settings.ts';
import { Slots } from './slots.ts';
import { UnsentResponses } from './unsent-responses.ts';

/** Time to flush the last bytes. */
const SEND_MS = 1000;

export interface StartServerOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Port of `/metrics`, on the same host; 0 picks a free one, undefined disables it. */
  readonly metricsPort: number | undefined;
  readonly model: LoadedModel;
  readonly servedModelName: string;
  /** vserve's version, for `/version`. */
  readonly version: string;
  /** How long it took to load; undefined if that is not known. */
  readonly modelLoadMs?: number;
  readonly settings: ServerSettings;
  readonly media: MediaSettings;
  readonly log: Log;
}

export interface RunningServer {
  /** `http://HOST:PORT` */
  readonly url: string;
  readonly port: number;
  /** `http://HOST:PORT/metrics`; undefined if disabled. */
  readonly metricsUrl: string | undefined;
  readonly requestsInFlight: () => number;
  /**
   * Accepts no new connections, gives requests in flight the configured time to finish, aborts the rest, and closes.
   * The model stays loaded.
   */
  readonly shutdown: () => Promise<void>;
}

/** Serves a loaded model. Resolves once the socket is bound. Throws `port_in_use`, `address_unavailable`. */
export async function startServer(options: StartServerOptions): Promise<RunningServer> {
  const { host, port, metricsPort, settings, model } = options;
  const log = safeLog(options.log);
  const requests = new Requests();
  const metrics = new Metrics();
  const cpus = new CpuShare(model);
  const memory = new BodyMemory(settings.maxRequestMemoryBytes);
  const admission = new Admission({ maxBatchSize: model.info.maxBatchSize, maxQueueSize: settings.maxQueueSize });
  metrics.addModel(model, () => admission.waiting, options.modelLoadMs);
  const media = createMediaResolver(options.media, {
    onResolved: (image) => metrics.countImage(image),
    takeCpu: () => cpus.take(),
  });
  const slots = settings.slots ? new Slots(model.info.maxBatchSize) : undefined;
  const app = createApp({ ...options, log, requests, admission, memory, cpus, metrics, media, slots });
  const server = createHttpServer({
    fetch: app.fetch,
    keepAliveTimeoutS: settings.keepAliveTimeoutS,
    maxRequestBytes: Math.min(settings.maxRequestBytes, memory.maxBodyBytes),
    onRefused: (requestId, error) => {
      log('info', `${requestId} no request ${String(statusOf(error))} ${reasonOf(error)}`);
      metrics.countRequest(statusOf(error), 'other', error);
    },
  });
  const unsent = new UnsentResponses(server);
  let metricsServer: MetricsServer | undefined;
  const closeOthers = () => Promise.all([media.close(), metricsServer?.close()]);
  try {
    if (metricsPort !== undefined) metricsServer = await startMetricsServer(metrics, host, metricsPort);
    await listen(server, host, port);
  } catch (error) {
    await closeOthers();
    throw error;
  }
  await limitConnections(server, log);
  const bound = (server.address() as AddressInfo).port;
  return {
    url: urlOf(host, bound),
    port: bound,
    metricsUrl: metricsServer?.url,
    requestsInFlight: () => requests.count,
    async shutdown() {
      await drain({ server, requests, unsent, timeoutMs: settings.gracefulShutdownTimeoutS * 1000 });
      await closeOthers();
    },
  };
}

interface Draining {
  readonly server: Server;
  readonly requests: Requests;
  readonly unsent: UnsentResponses;
  readonly timeoutMs: number;
}

/** Ends the requests, then the connections. Clients cannot delay it, whatever they do. */
async function drain({ server, requests, unsent, timeoutMs }: Draining): Promise<void> {
  const closed = once(server, 'close');
  // Also closes idle connections.
  server.close();
  await requests.drain(timeoutMs);
  await unsent.leave(SEND_MS);
  server.closeAllConnections();
  await closed;
  // Unread streams end with their connections.
  await requests.idle(SEND_MS);
}
