import type { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { VserveError } from '../errors/index.ts';

/** A request in flight. */
export interface ActiveRequest {
  /** Aborted with `request_cancelled` when the client goes away, with `shutting_down` when a shutdown waits no longer. */
  readonly signal: AbortSignal;
  /** To be called once, when nothing of the request runs any more. */
  end(): void;
}

/** Keeps count of the requests in flight, so that a shutdown can wait for them and then end them. */
export class Requests {
  readonly #controllers = new Set<AbortController>();
  #draining = false;
  #onIdle: (() => void) | undefined;

  /**
   * Counts a request that came over `socket`. The socket tells when the client goes away: a response whose turn has not
   * come yet (HTTP pipelining) is told nothing. Throws `shutting_down` once a shutdown has begun.
   */
  begin(socket: Socket): ActiveRequest {
    if (this.#draining) throw shuttingDown();
    const controller = new AbortController();
    const cancel = (): void => {
      controller.abort(new VserveError('request_cancelled', 'The client went away before the answer was complete.'));
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

  /** Lets no request begin any more, and waits for those in flight; what still is after `timeoutMs` is aborted. */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    if (await this.idle(timeoutMs)) return;
    for (const controller of this.#controllers) controller.abort(shuttingDown());
  }

  /** Waits until no request is in flight, but no longer than `timeoutMs`. Tells whether none is. */
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

function shuttingDown(): VserveError {
  return new VserveError('shutting_down', 'The server is shutting down. Send the request again later.');
}
