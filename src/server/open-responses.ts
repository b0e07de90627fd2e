import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** The responses of each connection that are not complete, in the order of their requests. */
export class OpenResponses {
  readonly #bySocket = new WeakMap<Duplex, Set<ServerResponse>>();

  constructor(server: Server) {
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      const responses = this.#bySocket.get(socket) ?? new Set();
      this.#bySocket.set(socket, responses.add(response));
      response.once('close', () => responses.delete(response));
    });
  }

  of(socket: Duplex): readonly ServerResponse[] {
    return [...(this.#bySocket.get(socket) ?? [])];
  }
}
