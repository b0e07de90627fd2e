import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { LoadedModel } from '../backend/index.ts';
import type { MediaSettings } from '../media/index.ts';
import { createMediaResolver } from '../media/index.ts';
import type { Log } from './access-log.ts';
import { createApp } from './app.ts';
import { listenError } from './port.ts';
import { Requests } from './requests.ts';
import type { ServerSettings } from './server-settings.ts';
import { UnsentResponses } from './unsent-responses.ts';

/** What was written last has so long to leave. */
const SEND_MS = 1000;

export interface StartServerOptions {
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
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
  /**
   * Takes no new connections, gives requests in flight the time that the settings grant, aborts what is left, and
   * closes. The model stays loaded.
   */
  readonly shutdown: () => Promise<void>;
}

/** Serves a loaded model. Resolves once the socket is bound. Throws `port_in_use` or `address_unavailable`. */
export async function startServer(options: StartServerOptions): Promise<RunningServer> {
  const { host, port, settings } = options;
  const requests = new Requests(options.model.info.maxBatchSize + (settings.maxQueueSize ?? Infinity));
  const media = createMediaResolver(options.media);
  const app = createApp({
    ...options,
    requests,
    imagesOf: (signal) => {
      const resolve = media.forRequest();
      return (url, param) => resolve(url, { param, signal });
    },
  });
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
  server.keepAliveTimeout = settings.keepAliveTimeoutS * 1000;
  const unsent = new UnsentResponses(server);
  try {
    server.listen({ host, port });
    await once(server, 'listening');
  } catch (error) {
    await media.close();
    throw listenError(error, host, port);
  }
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${String(bound)}`,
    port: bound,
    async shutdown() {
      const closed = once(server, 'close');
      // Closes idle connections too.
      server.close();
      await requests.drain(settings.gracefulShutdownTimeoutS * 1000);
      await unsent.leave(SEND_MS);
      server.closeAllConnections();
      await closed;
      await media.close();
    },
  };
}
