import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate, setTimeout } from 'node:timers/promises';

/** A connection that was used so recently may bring another request at any moment. */
const RECENT_MS = 1000;

export interface LateRequestsLimits {
  /** Without a request for this long, none is on its way. */
  readonly quietMs: number;
  /** All that is waited, whatever comes. */
  readonly limitMs: number;
}

/**
 * Requests that come over kept connections while the server shuts down. A client cannot tell whether one was read when its
 * connection is closed just then, and gateways do not repeat it; one that is refused goes elsewhere.
 */
export class LateRequests {
  readonly #usedAtMs = new Map<Socket, number>();
  readonly #lastResponses = new WeakMap<Socket, ServerResponse>();
  #lastAtMs = -Infinity;
  #isEnding = false;

  constructor(server: Server) {
    server.prependListener('request', ({ socket }, response) => {
      this.#lastAtMs = performance.now();
      if (this.#isEnding) this.#endWith(socket, response);
      if (!this.#usedAtMs.has(socket)) socket.once('close', () => this.#usedAtMs.delete(socket));
      this.#usedAtMs.set(socket, this.#lastAtMs);
      response.once('close', () => {
        if (!socket.destroyed) this.#usedAtMs.set(socket, performance.now());
      });
    });
  }

  /** From now on connections end with their response. Waits until no further request is to be expected. */
  async leave({ quietMs, limitMs }: LateRequestsLimits): Promise<void> {
    this.#isEnding = true;
    const startedAtMs = performance.now();
    const endsAtMs = startedAtMs + limitMs;
    const isUsed = [...this.#usedAtMs.values()].some((atMs) => atMs > startedAtMs - RECENT_MS);
    if (!isUsed) return;
    for (;;) {
      const nowMs = performance.now();
      const quietAtMs = Math.max(startedAtMs, this.#lastAtMs) + quietMs;
      const leftMs = Math.min(quietAtMs, endsAtMs) - nowMs;
      if (leftMs <= 0 || this.#usedAtMs.size === 0) return;
      await setTimeout(Math.ceil(leftMs));
      // What has come by now is read before the clock is.
      await setImmediate();
    }
  }

  /** The connection ends with this response, and not with one before it whose request came in the same breath. */
  #endWith(socket: Socket, response: ServerResponse): void {
    const before = this.#lastResponses.get(socket);
    if (before?.headersSent === false) before.shouldKeepAlive = true;
    response.shouldKeepAlive = false;
    this.#lastResponses.set(socket, response);
  }
}
