import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { systemErrorCode, VserveError } from '../errors/index.ts';

/** Reasons why an address cannot be bound: not permitted, not on this machine, or not resolvable. */
const unavailable = new Set(['EACCES', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EAI_AGAIN', 'EINVAL', 'ENOTFOUND']);

export type PortFlag = '--port' | '--metrics-endpoint-port';

/**
 * Checks that `host:port` can be bound, by doing so briefly: meant to be called before a model is loaded. Throws
 * `port_in_use` or `address_unavailable`, naming the flag that sets the port.
 */
export async function checkPort(host: string, port: number, flag: PortFlag = '--port'): Promise<void> {
  const probe = createServer();
  await listen(probe, host, port, flag);
  probe.close();
  await once(probe, 'close');
}

/** Listens on `host:port`, exclusively. Throws like `checkPort`. */
export async function listen(server: Server, host: string, port: number, flag: PortFlag = '--port'): Promise<void> {
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
  } catch (error) {
    throw listenError(error, host, port, flag);
  }
}

/** `http://HOST:PORT` */
export function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
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
