import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { answerClientErrors } from './client-errors.ts';
import type { OnRefused } from './client-errors.ts';
import type { ServerBindings } from './event-stream.ts';
import { sendStream } from './event-stream.ts';
import { answerHalfClosed } from './half-closed.ts';
import { OpenResponses } from './open-responses.ts';
import { normalizeTarget } from './request-target.ts';
import type { StreamOutput } from './stream-output.ts';

const HEADERS_TIMEOUT_MS = 60_000;
/** Interval at which the headers timeout is checked. */
const CHECK_MS = 5000;
/** TCP keep-alive starts probing after this time, to detect clients that have vanished. */
const PROBE_AFTER_MS = 60_000;

export interface HttpServerOptions {
  readonly fetch: (request: Request, bindings: ServerBindings) => Response | Promise<Response>;
  readonly keepAliveTimeoutS: number;
  /** Clients that send `Expect: 100-continue` (RFC 9110, section 10.1.1) are not told to send larger bodies. */
  readonly maxRequestBytes: number;
  readonly onRefused: OnRefused;
}

/**
 * The HTTP server that passes requests to hono. Host validation and body timeouts are left to the application; input
 * that is not valid HTTP is answered with the error envelope.
 */
export function createHttpServer({ fetch, keepAliveTimeoutS, maxRequestBytes, onRefused }: HttpServerOptions): Server {
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
  // Other expectations may be ignored.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
  const responses = new OpenResponses(server);
  answerClientErrors(server, responses, onRefused);
  answerHalfClosed(server, responses, (response) => streams.get(response)?.breakSilence());
  return server;
}
