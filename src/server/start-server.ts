import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { LoadedModel } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import type { MediaSettings } from '../media/index.ts';
import { createMediaResolver } from '../media/index.ts';
import type { Log } from './access-log.ts';
import { createApp } from './app.ts';
import { listenError } from './port.ts';
import { Requests } from './requests.ts';
import type { ServerSettings } from './server-settings.ts';

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
  shutdown(): Promise<void>;
}

/** Serves a loaded model. Resolves once the socket is bound. Throws `port_in_use` or `address_unavailable`. */
export async function startServer(options: StartServerOptions): Promise<RunningServer> {
  const { host, port, settings } = options;
  const requests = new Requests();
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
      server.close();
      server.closeIdleConnections();
      await requests.drain(
        settings.gracefulShutdownTimeoutS * 1000,
        new VserveError('shutting_down', 'The server is shutting down. Send the request again later.'),
      );
      // What was written last still has to leave; connections that are idle now have nothing more to say.
      server.closeIdleConnections();
      const stragglers = setTimeout(() => {
        server.closeAllConnections();
      }, 1000);
      await closed;
      clearTimeout(stragglers);
      await media.close();
    },
  };
}
