import type { Socket } from 'node:net';
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
  readonly #limit: number;

  /** At most `limit` requests are in flight at a time. */
  constructor(limit = Infinity) {
    this.#limit = limit;
  }

  /**
   * Counts a request that came over `socket`. The socket tells when the client goes away: a response whose turn has not
   * come yet (HTTP pipelining) is told nothing. Throws `shutting_down` once a shutdown has begun, and `at_capacity`.
   */
  begin(socket: Socket): ActiveRequest {
    if (this.#draining) throw shuttingDown();
    if (this.#controllers.size >= this.#limit) {
      throw new VserveError('at_capacity', 'Server is at capacity. Please retry later.');
    }
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
    if (this.#controllers.size === 0) return;
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    const timer = setTimeout(() => {
      for (const controller of this.#controllers) controller.abort(shuttingDown());
    }, timeoutMs);
    await idle;
    clearTimeout(timer);
  }
}

function shuttingDown(): VserveError {
  return new VserveError('shutting_down', 'The server is shutting down. Send the request again later.');
}
