import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { systemErrorCode, VserveError } from '../errors/index.ts';
import { listenAddress } from './listen-address.ts';
import type { ListenAddress } from './listen-address.ts';
import { listenOnSocket } from './unix-socket.ts';

/** Reasons why an address cannot be bound: not permitted, not on this machine, or not resolvable. */
const unavailable = new Set(['EACCES', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EAI_AGAIN', 'EINVAL', 'ENOTFOUND']);

export type PortFlag = '--port' | '--metrics-endpoint-port';

/**
 * Checks that all of these hosts can be listened on, by doing so briefly: meant to be called before a model is loaded.
 * Throws `port_in_use` or `address_unavailable`, naming the flag that sets the port.
 */
export async function checkPort(hosts: readonly string[], port: number, flag: PortFlag = '--port'): Promise<void> {
  for (const host of hosts) {
    const probe = createServer();
    await listen(probe, listenAddress(host, port), { flag });
    probe.close();
    await once(probe, 'close');
  }
}

/** The warning of a server that goes on without metrics. */
export function noMetrics(port: number): string {
  return `No /metrics: port ${String(port)} is taken. Choose another with --metrics-endpoint-port, or off.`;
}

export interface ListenOptions {
  readonly flag?: PortFlag;
  /** Permissions of a Unix socket. */
  readonly unixSocketMode?: number;
  /** Has `::` leave IPv4 to others. */
  readonly ipv6Only?: boolean;
}

/** Listens on an address, exclusively. Throws like `checkPort`. */
export async function listen(
  server: Server,
  address: ListenAddress,
  { flag = '--port', unixSocketMode = 0o600, ipv6Only = false }: ListenOptions = {},
): Promise<void> {
  if (address.kind === 'unix') return listenOnSocket(server, address.path, unixSocketMode);
  const { host, port } = address;
  try {
    server.listen({ host, port, exclusive: true, ipv6Only });
    await once(server, 'listening');
  } catch (error) {
    throw listenError(error, host, port, flag);
  }
}

/** Translates the error of a failed bind. */
function listenError(cause: unknown, host: string, port: number, flag: PortFlag): unknown {
  const code = systemErrorCode(cause);
  if (code === 'EADDRINUSE') {
    return new VserveError(
      'port_in_use',
      `The network port ${String(port)} is already in use. Stop the program that uses it, or take another with ${flag}.`,
      { cause },
    );
  }
  if (code !== undefined && unavailable.has(code)) {
    return new VserveError(
      'address_unavailable',
      `The address ${host}:${String(port)} cannot be listened on (${code}). Check --host, and take a port above 1023 with ${flag}.`,
      { cause },
    );
  }
  return cause;
}
