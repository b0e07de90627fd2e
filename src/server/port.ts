import { once } from 'node:events';
import { createServer } from 'node:net';
import { systemErrorCode, VserveError } from '../errors/index.ts';

/** Why an address cannot be listened on: not allowed, not of this machine, or not resolved. */
const unavailable = new Set(['EACCES', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EAI_AGAIN', 'EINVAL', 'ENOTFOUND']);

/**
 * Finds out whether `host:port` can be listened on, by doing so for a moment: to be asked before a model is loaded.
 * Throws `port_in_use` or `address_unavailable`.
 */
export async function checkPort(host: string, port: number): Promise<void> {
  const probe = createServer();
  try {
    probe.listen({ host, port, exclusive: true });
    await once(probe, 'listening');
  } catch (error) {
    throw listenError(error, host, port);
  }
  probe.close();
  await once(probe, 'close');
}

/** The error of a socket that could not be bound, as ours. */
export function listenError(cause: unknown, host: string, port: number): unknown {
  const code = systemErrorCode(cause);
  if (code === 'EADDRINUSE') {
    return new VserveError(
      'port_in_use',
      `The network port ${String(port)} is already in use. Stop the program that uses it, or take another with --port.`,
      { cause },
    );
  }
  if (code !== undefined && unavailable.has(code)) {
    return new VserveError(
      'address_unavailable',
      `The address ${host}:${String(port)} cannot be listened on (${code}). Check --host, and take a port above 1023 with --port.`,
      { cause },
    );
  }
  return cause;
}
