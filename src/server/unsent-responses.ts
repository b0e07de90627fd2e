import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';

/** The responses of a server that have not been handed to the network to their last byte. */
export class UnsentResponses {
  readonly #responses = new Set<ServerResponse>();
  #onEmpty: (() => void) | undefined;

  constructor(server: Server) {
    server.on('request', (request, response) => this.#add(request, response));
  }

  /** Waits until there is none, but no longer than `timeoutMs`. */
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
    // A response whose turn had not come (HTTP pipelining) is not told that its connection closed.
    socket.once('close', remove);
  }
}
