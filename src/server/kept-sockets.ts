import type { Server } from 'node:net';

/** The system's side of a socket that listens, as Node passes it between processes and takes it to listen again. */
export type SocketHandle = { close(): void };

/**
 * Listening sockets that outlive the process that accepts at them: connections wait for the next one, and are not refused.
 */
export interface KeptSockets {
  /** What a process before this one has left at this address; undefined for none. */
  take(host: string, port: number): SocketHandle | undefined;
  /** Leaves one to the process after this one. */
  keep(host: string, port: number, handle: SocketHandle): void;
  /** There will be no process after this one: connections are to be refused. */
  release(): void;
}

/** Not among Node's types, but what its documentation of `server.listen` means by a handle. */
export function handleOf(server: Server): SocketHandle {
  return (server as unknown as { readonly _handle: SocketHandle })._handle;
}
