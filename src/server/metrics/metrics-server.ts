import { createServer } from 'node:http';
import type { RequestListener, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { messageOf, presentationOf } from '../../errors/index.ts';
import type { ApiKeys } from '../api-keys.ts';
import { Entrance } from '../entrance.ts';
import { metricsHosts } from '../listen-address.ts';
import type { Metrics } from './metrics.ts';
import { hasKey, noKey } from '../require-key.ts';
import type { Certificate } from '../tls-files.ts';

export interface MetricsServer {
  readonly url: string;
  useCertificate(certificate: Certificate): void;
  close(): Promise<void>;
}

export interface MetricsServerOptions {
  /** Those of the server. Its Unix sockets do not count; if there is nothing else, 127.0.0.1. */
  readonly hosts: readonly string[];
  readonly port: number;
  readonly keys: ApiKeys;
  readonly certificate: Certificate | undefined;
}

/**
 * Serves `GET /metrics` on a port of its own, with the API keys and the certificate of the server. Throws `port_in_use`,
 * `address_unavailable`.
 */
export async function startMetricsServer(
  metrics: Metrics,
  { hosts, port, keys, certificate }: MetricsServerOptions,
): Promise<MetricsServer> {
  const listener: RequestListener = (request, response) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead || !/^\/metrics(?:\?|$)/.test(request.url ?? '')) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Only GET /metrics is available here.\n');
    } else if (keys.areRequired && keys.find(request.headers) === undefined) {
      refuse(response, hasKey(request.headers));
    } else {
      answer(response, metrics).catch((error: unknown) => fail(response, error));
    }
  };
  const secure = certificate === undefined ? undefined : createHttpsServer({ ...certificate }, listener);
  const entrance = await Entrance.open(secure ?? createServer(listener), {
    hosts: metricsHosts(hosts),
    port,
    flag: '--metrics-endpoint-port',
    unixSocketMode: 0o600,
    onRefused: () => undefined,
  });
  // A connection that cannot be accepted (too many open files) must not end the process.
  for (const acceptor of entrance.acceptors) acceptor.on('error', () => undefined);
  return {
    url: `${entrance.urls[0] ?? ''}/metrics`,
    useCertificate: (renewed) => secure?.setSecureContext(renewed),
    close: () => entrance.end(),
  };
}

function refuse(response: ServerResponse, isGiven: boolean): void {
  const { code, message } = noKey(isGiven);
  response
    .writeHead(presentationOf(code).status, {
      'content-type': 'text/plain',
      'www-authenticate': 'Bearer realm="vserve"',
    })
    .end(`${message}\n`);
}

/** A model of a backend that is not ours may throw anything when it is asked what it has done. */
function fail(response: ServerResponse, error: unknown): void {
  response.writeHead(500, { 'content-type': 'text/plain' }).end(`The metrics could not be read: ${messageOf(error)}\n`);
}

async function answer(response: ServerResponse, metrics: Metrics): Promise<void> {
  const text = await metrics.text();
  response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
}
