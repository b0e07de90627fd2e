import type { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { VserveError } from '../errors/index.ts';

/** A request in flight. */
export interface ActiveRequest {
  /**
   * Aborted with `request_cancelled` when the client disconnects, and with `shutting_down` when the grace period is
   * over.
   */
  readonly signal: AbortSignal;
  /** Must be called once, when no part of the request is running any more. */
  end(): void;
}

/** Tracks requests in flight, so that a shutdown can wait for them and finally abort them. */
export class Requests {
  readonly #controllers = new Set<AbortController>();
  #drainsUntilMs: number | undefined;
  #onIdle: (() => void) | undefined;

  /** Requests in flight. */
  get count(): number {
    return this.#controllers.size;
  }

  /**
   * Registers a request received over `socket`. Disconnects are detected on the socket, because a pipelined response
   * whose turn has not come gets no event. Throws `shutting_down` once a shutdown has begun.
   */
  begin(socket: Socket): ActiveRequest {
    if (this.#drainsUntilMs !== undefined) throw shuttingDown(this.#drainsUntilMs - performance.now());
    const controller = new AbortController();
    const cancel = (): void => {
      controller.abort(
        new VserveError('request_cancelled', 'The client disconnected before the response was complete.'),
      );
    };
    if (socket.destroyed) cancel();
    else socket.once('close', cancel);
    this.#controllers.add(controller);
    return {
      signal: controller.signal,
      end: () => {
        socket.off('close', cancel);
        this.#controllers.delete(controller);
        if (this.#controllers.size === 0) this.#onIdle?.();
      },
    };
  }

  /** Rejects new requests and waits for those in flight; the rest are aborted after `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    this.#drainsUntilMs = performance.now() + timeoutMs;
    if (await this.idle(timeoutMs)) return;
    for (const controller of this.#controllers) controller.abort(shuttingDown(0));
  }

  /** Waits until no request is in flight, but at most `timeoutMs`. Returns whether none is. */
  async idle(timeoutMs: number): Promise<boolean> {
    if (this.#controllers.size === 0) return true;
    const timer = new AbortController();
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    await Promise.race([idle, setTimeout(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
    timer.abort();
    return this.#controllers.size === 0;
  }
}

/** `leftMs`: time until the server ends, when another one may take its place. */
function shuttingDown(leftMs: number): VserveError {
  return new VserveError('shutting_down', 'The server is shutting down. Send the request again later.', {
    retryAfterS: Math.max(1, Math.ceil(leftMs / 1000)),
  });
}
