import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { OpenResponses } from './open-responses.ts';

/** How long a client may leave an answer unread. */
const STALLED_MS = 120_000;
/** Over TLS, it is not known how much of a write has left: so long as a client that reads this much would take, it may. */
const SLOWEST_BYTES_PER_S = 10_000;

/**
 * Closes connections whose client has read nothing of an answer for a while: what waits for it takes memory, and a place in
 * the batch if there is more to come. A client that reads slowly goes on: Node's timeout begins anew with what leaves. So
 * does one that waits for its answer. Idle connections end after the keep-alive timeout, as they would without this.
 */
export function dropStalledReaders(server: Server, responses: OpenResponses, stalledMs = STALLED_MS): void {
  /** Bytes that waited for a client over TLS when it was given more time. */
  const waited = new WeakMap<Socket, number>();
  server.setTimeout(stalledMs, (socket) => {
    const isIdle = responses.of(socket).length === 0;
    const bytes = socket.writableLength;
    if (!isIdle && bytes === 0) return;
    if (isIdle || !(socket instanceof TLSSocket) || waited.get(socket) === bytes) {
      socket.destroy();
    } else {
      waited.set(socket, bytes);
      socket.setTimeout(Math.ceil((1000 * bytes) / SLOWEST_BYTES_PER_S));
    }
  });
}
