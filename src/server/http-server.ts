import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { answerClientErrors } from './client-errors.ts';
import type { OnRefused } from './client-errors.ts';
import type { ServerBindings } from './event-stream.ts';
import { sendStream } from './event-stream.ts';
import { holdBodies } from './expect-continue.ts';
import { answerHalfClosed } from './half-closed.ts';
import { OpenResponses } from './open-responses.ts';
import { normalizeTarget } from './request-target.ts';
import { dropStalledReaders } from './stalled-readers.ts';
import type { StreamOutput } from './stream-output.ts';
import type { Certificate } from './tls-files.ts';

const HEADERS_TIMEOUT_MS = 60_000;
/** Interval at which the headers timeout is checked. */
const CHECK_MS = 5000;

export interface HttpServerOptions {
  readonly fetch: (request: Request, bindings: ServerBindings) => Response | Promise<Response>;
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
  const streams = new WeakMap<ServerResponse, StreamOutput>();
  const answer = async (request: Request, bindings: ServerBindings): Promise<Response> => {
    const response = await fetch(request, bindings);
    const { outgoing, stream } = bindings;
    if (stream === undefined) return response;
    streams.set(outgoing, sendStream(outgoing, response, stream));
    return RESPONSE_ALREADY_SENT;
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
  dropStalledReaders(server, responses);
  answerHalfClosed(server, responses, (response) => streams.get(response)?.breakSilence());
  return server;
}
