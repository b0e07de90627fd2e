import { createServer } from 'node:http';
import type { OutgoingHttpHeaders, RequestListener, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { VserveError } from '../../errors/index.ts';
import { messageOf, presentationOf } from '../../errors/index.ts';
import type { ApiKeys } from '../api-keys.ts';
import { foreignHost } from '../browser-guard.ts';
import { Entrance } from '../entrance.ts';
import { isLocal, metricsHosts } from '../listen-address.ts';
import { OwnHosts } from '../own-hosts.ts';
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
  /** Further names of the server. */
  readonly allowedHosts: readonly string[];
  readonly port: number;
  readonly keys: ApiKeys;
  readonly certificate: Certificate | undefined;
}

/**
 * Serves `GET /metrics` on a port of its own, with the API keys and the certificate of the server. Where only this machine
 * can reach it, it must be called by a name of it, as the server: a web page can have its own name lead here. Throws
 * `port_in_use`, `address_unavailable`.
 */
export async function startMetricsServer(
  metrics: Metrics,
  { hosts, allowedHosts, port, keys, certificate }: MetricsServerOptions,
): Promise<MetricsServer> {
  const isOnlyLocal = metricsHosts(hosts).every(isLocal);
  const ownHosts = new OwnHosts({ hosts, allowedHosts });
  const listener: RequestListener = (request, response) => {
    const foreignName = isOnlyLocal ? ownHosts.foreignName(request.headers.host) : undefined;
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead || !/^\/metrics(?:\?|$)/.test(request.url ?? '')) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Only GET /metrics is available here.\n');
    } else if (foreignName !== undefined) {
      refuse(response, foreignHost(foreignName));
    } else if (keys.areRequired && keys.find(request.headers) === undefined) {
      refuse(response, noKey(hasKey(request.headers)), { 'www-authenticate': 'Bearer realm="vserve"' });
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

function refuse(response: ServerResponse, { code, message }: VserveError, headers: OutgoingHttpHeaders = {}): void {
  response.writeHead(presentationOf(code).status, { 'content-type': 'text/plain', ...headers }).end(`${message}\n`);
}

/** A model of a backend that is not ours may throw anything when it is asked what it has done. */
function fail(response: ServerResponse, error: unknown): void {
  response.writeHead(500, { 'content-type': 'text/plain' }).end(`The metrics could not be read: ${messageOf(error)}\n`);
}

async function answer(response: ServerResponse, metrics: Metrics): Promise<void> {
  const text = await metrics.text();
  response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
}
