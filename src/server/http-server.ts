import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { HttpBindings } from '@hono/node-server';
import { answerClientErrors } from './client-errors.ts';
import type { OnRefused } from './client-errors.ts';
import { holdBodies } from './expect-continue.ts';
import { answerHalfClosed } from './half-closed.ts';
import { OpenResponses } from './open-responses.ts';
import { normalizeTarget } from './request-target.ts';
import type { Certificate } from './tls-files.ts';

const HEADERS_TIMEOUT_MS = 60_000;
/** Interval at which the headers timeout is checked. */
const CHECK_MS = 5000;

export interface HttpServerOptions {
  readonly fetch: (request: Request, bindings: HttpBindings) => Response | Promise<Response>;
  readonly keepAliveTimeoutS: number;
  readonly onRefused: OnRefused;
  /** Of an HTTPS server. */
  readonly certificate: Certificate | undefined;
}

/**
 * The HTTP or HTTPS server that passes requests to hono; it listens at an `Entrance`. Host validation and body timeouts are left to the application; input
 * that is not valid HTTP is answered with the error envelope.
 */
export function createHttpServer({ fetch, keepAliveTimeoutS, onRefused, certificate }: HttpServerOptions): Server {
  const eventStreams = new WeakSet<ServerResponse>();
  const answer = async (request: Request, bindings: HttpBindings): Promise<Response> => {
    const response = await fetch(request, bindings);
    if (isEventStream(response)) eventStreams.add(bindings.outgoing);
    return response;
  };
  const listener = getRequestListener(answer as Parameters<typeof getRequestListener>[0], {
    overrideGlobalObjects: false,
  });
  const options = {
    requireHostHeader: false,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: 0,
    connectionsCheckingInterval: CHECK_MS,
    keepAliveTimeout: keepAliveTimeoutS * 1000,
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    normalizeTarget(request);
    void listener(request, response);
  };
  const server =
    certificate === undefined
      ? createServer(options, onRequest)
      : createHttpsServer({ ...options, ...certificate, allowHalfOpen: true }, onRequest);
  holdBodies(server);
  const responses = new OpenResponses(server);
  answerClientErrors(server, responses, onRefused);
  answerHalfClosed(server, responses, (response) => eventStreams.has(response));
  return server;
}

function isEventStream({ headers }: Response): boolean {
  return headers.get('content-type')?.startsWith('text/event-stream') === true;
}
