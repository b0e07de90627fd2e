import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import type { ClientPath } from './fair-turns.ts';

/** Groups of an IPv6 address that name a network: one machine has many addresses within it. */
const NETWORK_GROUPS = 4;

/**
 * Whose request it is: by address, behind one address (a proxy, this machine) by API key, and of these by program. A
 * client that makes up keys or names competes with itself only: the address comes first.
 */
export function clientPathOf({ socket, headers }: IncomingMessage): ClientPath {
  return [networkOf(socket.remoteAddress ?? ''), keyOf(headers), headers['user-agent'] ?? ''];
}

function keyOf(headers: IncomingHttpHeaders): string {
  return headers.authorization ?? String(headers['x-api-key'] ?? '');
}

function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? [];
  const groups = head === '' ? [] : head.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  const all = [...groups, ...Array.from({ length: missing }, () => '0'), ...(tail ?? '').split(':')];
  return all.slice(0, NETWORK_GROUPS).join(':');
}
