import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorJson } from '../api/index.ts';
import { presentationOf, systemErrorCode, VserveError } from '../errors/index.ts';

/** The answer has so long to be read before the connection is closed over what the client still sends. */
const LINGER_MS = 5000;

/** Called for each answer, with the id that it bears. */
export type OnRefused = (requestId: string, error: VserveError) => void;

/** Answers what the HTTP parser refuses before there is a request: as any other error, with an envelope and an id. */
export function answerClientErrors(server: Server, onRefused: OnRefused): void {
  const responses = new WeakMap<Duplex, ServerResponse>();
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => responses.set(socket, response));
  server.on('clientError', (cause: Error, socket: Duplex) => {
    const response = responses.get(socket);
    const isAnswering = response !== undefined && response.headersSent && !response.writableFinished;
    if (!socket.writable || isAnswering || isGone(cause)) {
      socket.destroy();
      return;
    }
    const error = refusalOf(cause);
    const requestId = randomUUID();
    socket.end(rawAnswer(error, requestId));
    // Closed over unread bytes, the connection would be reset, and the answer lost (RFC 9112, section 9.6).
    socket.resume();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once('close', () => clearTimeout(timer));
    onRefused(requestId, error);
  });
}

/** Whether the client has closed its side in the middle of a request, and is not interested in an answer. */
function isGone(cause: Error): boolean {
  return ['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE'].includes(systemErrorCode(cause) ?? '');
}

function refusalOf(cause: Error): VserveError {
  switch (systemErrorCode(cause) ?? '') {
    case 'HPE_HEADER_OVERFLOW':
      return new VserveError(
        'headers_too_large',
        'The headers of the request are too large. Send fewer or shorter ones.',
        {
          cause,
        },
      );
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new VserveError('request_timeout', 'The headers of the request took too long to arrive.', { cause });
    default:
      return new VserveError('invalid_request', `The request is not valid HTTP${reasonOf(cause)}.`, { cause });
  }
}

/** What the parser says, where it says more than `Parse Error`. */
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
