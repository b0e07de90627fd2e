import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorJson } from '../api/index.ts';
import { presentationOf, systemErrorCode, VserveError } from '../errors/index.ts';
import type { OpenResponses } from './open-responses.ts';

/** Time for the client to read the response before the connection is closed. */
const LINGER_MS = 5000;

/** Called for each response, with the request id sent along. */
export type OnRefused = (requestId: string, error: VserveError) => void;

/**
 * Answers requests that the HTTP parser rejects the way all other errors are: with the error envelope and a request id,
 * behind the answers to the requests before it on the same connection.
 */
export function answerClientErrors(server: Server, responses: OpenResponses, onRefused: OnRefused): void {
  server.on('connect', (_request, socket) => refuse(socket, noProxy(), onRefused));
  const failed = new WeakSet<Duplex>();
  server.on('clientError', (cause: Error, socket: Duplex) => {
    if (isGone(cause)) {
      socket.destroy();
      return;
    }
    // Every further byte is an error again.
    if (failed.has(socket)) return;
    failed.add(socket);
    const open = responses.of(socket);
    const before = open.filter(({ req }) => req.complete);
    const answer = (): void => {
      // The client has closed its side in the middle of a request and expects no response.
      if (systemErrorCode(cause) === 'HPE_INVALID_EOF_STATE') socket.destroy();
      else refuse(socket, refusalOf(cause), onRefused);
    };
    if (open.some(({ req, headersSent }) => !req.complete && headersSent)) socket.destroy();
    else if (before.length === 0) answer();
    else before.at(-1)?.once('close', answer);
  });
}

/** Answers on a connection without a request that could be, and closes it. */
export function refuse(socket: Duplex, error: VserveError, onRefused: OnRefused): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const requestId = randomUUID();
  socket.end(rawAnswer(error, requestId));
  // Closing with unread input would reset the connection, and the client could lose the response (RFC 9112, section
  // 9.6).
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(timer));
  onRefused(requestId, error);
}

/** Of a client that takes this server for its proxy, and asks for a tunnel. */
function noProxy(): VserveError {
  const message = 'This server is no proxy, and opens no tunnels: send requests to it directly, without CONNECT.';
  return new VserveError('invalid_request', message);
}

/** Whether nothing can be sent any more: also because TLS has failed. */
function isGone(cause: Error): boolean {
  return /^(?:ECONNRESET|EPIPE|ERR_SSL_.*|ERR_TLS_.*)$/.test(systemErrorCode(cause) ?? '');
}

function refusalOf(cause: Error): VserveError {
  switch (systemErrorCode(cause) ?? '') {
    case 'HPE_HEADER_OVERFLOW':
      return new VserveError('headers_too_large', 'The request headers are too large. Send fewer or shorter headers.', {
        cause,
      });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new VserveError('request_timeout', 'The request headers did not arrive in time.', { cause });
    default:
      return new VserveError('invalid_request', `The request is not valid HTTP${reasonOf(cause)}.`, { cause });
  }
}

/** The reason given by the parser, if there is more than `Parse Error`. */
function reasonOf(cause: Error): string {
  const [, reason] = /^Parse Error: (.+)$/.exec(cause.message) ?? [];
  return reason === undefined ? '' : `: ${reason}`;
}

function rawAnswer(error: VserveError, requestId: string): string {
  const { status } = presentationOf(error.code);
  const body = JSON.stringify(errorJson(error));
  const head = [
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/json',
    `content-length: ${String(Buffer.byteLength(body))}`,
    `x-request-id: ${requestId}`,
    'connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
