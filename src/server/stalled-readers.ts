import type { Server } from 'node:http';
import type { OpenResponses } from './open-responses.ts';

/** How long a client may leave an answer unread. */
const STALLED_MS = 120_000;

/**
 * Closes connections whose client has read nothing of an answer for a while: what waits for it takes memory, and a place in
 * the batch if there is more to come. A client that reads slowly goes on: Node's timeout begins anew with what leaves. So
 * does one that waits for its answer. Idle connections end after the keep-alive timeout, as they would without this.
 */
export function dropStalledReaders(server: Server, responses: OpenResponses, stalledMs = STALLED_MS): void {
  server.setTimeout(stalledMs, (socket) => {
    const isIdle = responses.of(socket).length === 0;
    if (isIdle || socket.writableLength > 0) socket.destroy();
  });
}
