import type { Server, ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { OpenResponses } from './open-responses.ts';

/** Times between probes; the last one repeats. Two find a client on the same machine or network. */
const PROBE_INTERVALS_MS = [10, 10, 30, 50, 100, 300, 500, 1000];

/**
 * Answers clients that close their sending side behind the request. To the server, they look like clients that have left
 * and want their requests cancelled, until something is written: a client that has left resets the connection. So what
 * every client skips is written, at short intervals: an interim response, or what `breakSilence` does once a stream has begun.
 */
export function answerHalfClosed(
  server: Server,
  responses: OpenResponses,
  breakSilence: (response: ServerResponse) => void,
): void {
  // Not in Node's documentation, nor in its types: otherwise, it closes such connections.
  Object.assign(server, { httpAllowHalfOpen: true });
  const event = server instanceof HttpsServer ? 'secureConnection' : 'connection';
  server.on(event, (socket: Socket) => socket.once('end', () => probe(socket, 0)));

  function probe(socket: Socket, count: number): void {
    const tryNext = (): void => {
      const [response] = responses.of(socket);
      if (response === undefined || socket.destroyed) return;
      if (!response.headersSent) {
        // HTTP/1.0 has no interim responses.
        if (response.req.httpVersion === '1.0') return void socket.destroy();
        response.writeProcessing();
      } else {
        breakSilence(response);
      }
      probe(socket, count + 1);
    };
    setTimeout(tryNext, PROBE_INTERVALS_MS[count] ?? PROBE_INTERVALS_MS.at(-1)).unref();
  }
}
