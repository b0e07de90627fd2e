import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';

/** Responses that have not yet been written to the network completely. */
export class UnsentResponses {
  readonly #responses = new Set<ServerResponse>();
  #onEmpty: (() => void) | undefined;

  constructor(server: Server) {
    server.on('request', (request, response) => this.#add(request, response));
  }

  /** Waits until there are none, but at most `timeoutMs`. */
  async leave(timeoutMs: number): Promise<void> {
    if (this.#responses.size === 0) return;
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    await Promise.race([empty, setTimeout(timeoutMs, undefined, { ref: false })]);
  }

  #add({ socket }: IncomingMessage, response: ServerResponse): void {
    const remove = (): void => {
      response.off('close', remove);
      socket.off('close', remove);
      this.#responses.delete(response);
      if (this.#responses.size === 0) this.#onEmpty?.();
    };
    this.#responses.add(response);
    response.once('close', remove);
    // A pipelined response whose turn has not come gets no event when its connection closes.
    socket.once('close', remove);
  }
}
