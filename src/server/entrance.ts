import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { handleOf } from './kept-sockets.ts';
import type { KeptSockets } from './kept-sockets.ts';
import { listenAddress, urlOf } from './listen-address.ts';
import type { ListenAddress } from './listen-address.ts';
import { listen } from './port.ts';
import type { PortFlag } from './port.ts';
import { tlsConnections } from './tls-connections.ts';
import type { OnRefused } from './client-errors.ts';

/** TCP keep-alive starts probing after this time, to detect clients that have vanished. */
const PROBE_AFTER_MS = 60_000;

export interface EntranceOptions {
  readonly hosts: readonly string[];
  /** 0 picks a free one, the same for all hosts. */
  readonly port: number;
  readonly flag: PortFlag;
  readonly unixSocketMode: number;
  readonly onRefused: OnRefused;
  /** Of a server that is started again after a crash. */
  readonly keptSockets?: KeptSockets | undefined;
}

/**
 * The open addresses of an HTTP server, which does not listen itself: one server can have several addresses, and look at
 * a connection before TLS does.
 */
export class Entrance {
  /** One for each address, in the order of the hosts. */
  readonly urls: string[] = [];
  /** Accept the connections, one for each address. */
  readonly acceptors: Server[] = [];
  /** The port of the hosts; 0 if there are only Unix sockets. */
  port = 0;
  readonly #server: HttpServer;
  readonly #keptSockets: KeptSockets | undefined;
  readonly #sockets = new Set<Socket>();
  #closed: Promise<unknown> | undefined;

  private constructor(server: HttpServer, keptSockets: KeptSockets | undefined) {
    this.#server = server;
    this.#keptSockets = keptSockets;
  }

  /** Listens at all of its hosts. Throws `port_in_use`, `address_unavailable`. */
  static async open(server: HttpServer, options: EntranceOptions): Promise<Entrance> {
    const entrance = new Entrance(server, options.keptSockets);
    const { hosts, port } = options;
    try {
      for (const host of hosts) await entrance.#listen(listenAddress(host, entrance.port || port), options);
    } catch (error) {
      await entrance.end();
      throw error;
    }
    // Begins the checks for idle and slow connections.
    server.emit('listening');
    return entrance;
  }

  /** Accepts no more connections. */
  close(): void {
    this.#keptSockets?.release();
    this.#closed ??= Promise.all(
      this.acceptors.map((acceptor) => {
        acceptor.close();
        return once(acceptor, 'close');
      }),
    );
  }

  /** Closes the connections that are idle, now and whenever one becomes so. */
  closeIdle(): void {
    this.#server.close();
  }

  /** Closes everything. */
  async end(): Promise<void> {
    this.close();
    this.closeIdle();
    this.#server.closeAllConnections();
    // Also those that have sent nothing so far.
    for (const socket of this.#sockets) socket.destroy();
    await this.#closed;
  }

  async #listen(address: ListenAddress, options: EntranceOptions): Promise<void> {
    const isTls = this.#server instanceof HttpsServer;
    const admit = isTls
      ? tlsConnections(this.#server, options.onRefused)
      : (socket: Socket) => void this.#server.emit('connection', socket);
    const acceptor = createServer(
      { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: PROBE_AFTER_MS },
      (socket) => {
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
        admit(socket);
      },
    );
    await listenAgain(acceptor, address, options);
    this.acceptors.push(acceptor);
    if (address.kind === 'tcp') {
      this.port = (acceptor.address() as AddressInfo).port;
      this.#keptSockets?.keep(address.host, this.port, handleOf(acceptor));
    }
    this.urls.push(urlOf(address.kind === 'tcp' ? { ...address, port: this.port } : address, isTls ? 'https' : 'http'));
  }
}

/** Listens on an address, by the socket that was kept for it, if there is one. */
async function listenAgain(
  acceptor: Server,
  address: ListenAddress,
  { keptSockets, hosts, ...options }: EntranceOptions,
): Promise<void> {
  const kept = address.kind === 'tcp' ? keptSockets?.take(address.host, address.port) : undefined;
  // Otherwise, the addresses of both would overlap.
  const ipv6Only = hosts.includes('0.0.0.0');
  if (kept === undefined) return listen(acceptor, address, { ...options, ipv6Only });
  acceptor.listen(kept);
  await once(acceptor, 'listening');
}
