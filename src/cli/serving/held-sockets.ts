import type { ChildProcess, SendHandle } from 'node:child_process';
import type { SocketHandle } from '../../server/index.ts';
import type { SocketMessage } from './supervision-messages.ts';

/** The sockets that a server listens at. They stay open as long as this process has them, too. */
export class HeldSockets {
  readonly #held = new Map<string, { readonly message: SocketMessage; readonly handle: SocketHandle }>();

  get count(): number {
    return this.#held.size;
  }

  /** In place of the one that it had before. */
  hold(message: SocketMessage, handle: SocketHandle | undefined): void {
    const before = this.#held.get(message.host);
    if (handle === undefined) this.#held.delete(message.host);
    else this.#held.set(message.host, { message, handle });
    before?.handle.close();
  }

  /** Has connections be refused once the server has closed them, too. */
  release(): void {
    for (const { handle } of this.#held.values()) handle.close();
    this.#held.clear();
  }

  /** To who listens at them next. */
  sendTo(child: ChildProcess): void {
    for (const { message, handle } of this.#held.values()) {
      child.send(message, handle as SendHandle, {}, () => undefined);
    }
  }
}
