import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import type { ClientPath } from './fair-turns.ts';

/** Groups of an IPv6 address that form its network prefix (/64): a single machine may use many addresses within it. */
const NETWORK_GROUPS = 4;
/** Characters of 6 bits: enough that two names are never taken for one. */
const ANONYMOUS_LENGTH = 16;

/**
 * Identifies the client of a request by address, then by API key (several clients may share the address of a proxy or
 * this machine), then by program. Since the address comes first, inventing keys or names only subdivides its own share.
 */
export function clientPathOf(request: IncomingMessage): ClientPath {
  return [addressOf(request), keyOf(request.headers), request.headers['user-agent'] ?? ''];
}

/** The same path without what it is made of: a backend must tell clients apart, but has no use for their keys. */
export function anonymous(client: ClientPath): ClientPath {
  return client.map((name) => createHash('sha256').update(name).digest('base64url').slice(0, ANONYMOUS_LENGTH));
}

/** The address of a request's client, or its network if that is IPv6. */
export function addressOf({ socket }: IncomingMessage): string {
  return networkOf(socket.remoteAddress ?? '');
}

/** What a client sends as its key; empty without one. */
export function keyOf(headers: IncomingHttpHeaders): string {
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
