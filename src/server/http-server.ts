import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { HttpBindings } from '@hono/node-server';
import { answerClientErrors } from './client-errors.ts';
import type { OnRefused } from './client-errors.ts';
import { normalizeTarget } from './request-target.ts';

const HEADERS_TIMEOUT_MS = 60_000;
/** How often connections are looked at for that. */
const CHECK_MS = 5000;
/** TCP probes a connection that is silent for so long, and finds out that its client is gone. */
const PROBE_AFTER_MS = 60_000;

export interface HttpServerOptions {
  readonly fetch: (request: Request, bindings: HttpBindings) => Response | Promise<Response>;
  readonly keepAliveTimeoutS: number;
  /** Clients that ask before they send (RFC 9110, section 10.1.1) are not told to send more. */
  readonly maxRequestBytes: number;
  readonly onRefused: OnRefused;
}

/**
 * Node's HTTP server in front of hono. It leaves the Host header and the time that a body takes to the application, and
 * answers in the envelope what does not become a request.
 */
export function createHttpServer({ fetch, keepAliveTimeoutS, maxRequestBytes, onRefused }: HttpServerOptions): Server {
  const listener = getRequestListener(fetch as Parameters<typeof getRequestListener>[0], {
    overrideGlobalObjects: false,
  });
  const server = createServer(
    {
      requireHostHeader: false,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: 0,
      connectionsCheckingInterval: CHECK_MS,
      keepAliveTimeout: keepAliveTimeoutS * 1000,
      keepAlive: true,
      keepAliveInitialDelay: PROBE_AFTER_MS,
    },
    (request, response) => {
      normalizeTarget(request);
      void listener(request, response);
    },
  );
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (!(Number(request.headers['content-length']) > maxRequestBytes)) response.writeContinue();
    server.emit('request', request, response);
  });
  // Any other expectation may be ignored.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
  answerClientErrors(server, onRefused);
  return server;
}
