import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { LoadedModel } from '../backend/index.ts';
import type { MediaSettings } from '../media/index.ts';
import { createMediaResolver } from '../media/index.ts';
import type { Log } from './access-log.ts';
import { createApp } from './app.ts';
import { CpuShare } from './cpu-share.ts';
import { Metrics } from './metrics.ts';
import { startMetricsServer } from './metrics-server.ts';
import type { MetricsServer } from './metrics-server.ts';
import { listen, urlOf } from './port.ts';
import { Requests } from './requests.ts';
import type { ServerSettings } from './server-settings.ts';
import { UnsentResponses } from './unsent-responses.ts';

/** What was written last has so long to leave. */
const SEND_MS = 1000;

export interface StartServerOptions {
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
  /** Where `/metrics` is, on the same host: 0 takes any port that is free, undefined none. */
  readonly metricsPort: number | undefined;
  readonly model: LoadedModel;
  readonly servedModelName: string;
  /** Of vserve, for `/version`. */
  readonly version: string;
  readonly settings: ServerSettings;
  readonly media: MediaSettings;
  readonly log: Log;
}

export interface RunningServer {
  /** `http://HOST:PORT` */
  readonly url: string;
  readonly port: number;
  /** `http://HOST:PORT/metrics`; undefined where there is none. */
  readonly metricsUrl: string | undefined;
  /**
   * Takes no new connections, gives requests in flight the time that the settings grant, aborts what is left, and
   * closes. The model stays loaded.
   */
  readonly shutdown: () => Promise<void>;
}

/** Serves a loaded model. Resolves once the socket is bound. Throws `port_in_use` or `address_unavailable`. */
export async function startServer(options: StartServerOptions): Promise<RunningServer> {
  const { host, port, metricsPort, settings } = options;
  const requests = new Requests(options.model.info.maxBatchSize + (settings.maxQueueSize ?? Infinity));
  const metrics = new Metrics();
  const cpus = new CpuShare(options.model);
  const media = createMediaResolver(options.media, {
    onResolved: (image) => metrics.countImage(image),
    takeCpu: () => cpus.take(),
  });
  const app = createApp({ ...options, requests, cpus, metrics, media });
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
  // A client that asks before it sends (RFC 9110, section 10.1.1) is not told to send what will be refused.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (!(Number(request.headers['content-length']) > settings.maxRequestBytes)) response.writeContinue();
    server.emit('request', request, response);
  });
  server.keepAliveTimeout = settings.keepAliveTimeoutS * 1000;
  const unsent = new UnsentResponses(server);
  let metricsServer: MetricsServer | undefined;
  try {
    if (metricsPort !== undefined) metricsServer = await startMetricsServer(metrics, host, metricsPort);
    await listen(server, host, port);
  } catch (error) {
    await Promise.all([media.close(), metricsServer?.close()]);
    throw error;
  }
  const bound = (server.address() as AddressInfo).port;
  return {
    url: urlOf(host, bound),
    port: bound,
    metricsUrl: metricsServer?.url,
    async shutdown() {
      const closed = once(server, 'close');
      // Closes idle connections too.
      server.close();
      await requests.drain(settings.gracefulShutdownTimeoutS * 1000);
      await unsent.leave(SEND_MS);
      server.closeAllConnections();
      await closed;
      await Promise.all([media.close(), metricsServer?.close()]);
    },
  };
}
