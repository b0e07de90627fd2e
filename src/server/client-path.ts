import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import type { KnownKey } from './api-keys.ts';
import type { ClientPath } from './fair-turns.ts';

/** Groups of an IPv6 address that form its network prefix (/64): a single machine may use many addresses within it. */
const NETWORK_GROUPS = 4;
/** Characters of 6 bits: enough that two names are never taken for one. */
const ANONYMOUS_LENGTH = 16;
/** No address begins with it. */
const KEY_PREFIX = 'key ';

/** What has been found out about the client of a request. */
interface KnownClient {
  /** One of this server's keys, which the request has. */
  readonly key?: KnownKey;
  /** The address behind the proxies that are trusted. */
  readonly address?: string;
}

const knownClients = new WeakMap<IncomingMessage, KnownClient>();

/** Adds to what is known about the client of a request. */
export function knowClient(request: IncomingMessage, client: KnownClient): void {
  knownClients.set(request, { ...knownClients.get(request), ...client });
}

/**
 * Identifies the client of a request. Where the server has API keys, by its key first: a client that calls from many
 * addresses gets no more for it. Otherwise by address, then by whatever key it sends (several clients may share the
 * address of a proxy or this machine), then by program: inventing keys or names only subdivides the share of the address.
 */
export function clientPathOf(request: IncomingMessage): ClientPath {
  const program = request.headers['user-agent'] ?? '';
  const key = knownClients.get(request)?.key;
  if (key !== undefined) return [`${KEY_PREFIX}${key.id}`, addressOf(request), program];
  return [addressOf(request), keyOf(request.headers), program];
}

/** The key of a request that was checked; undefined if the server has no keys. */
export function knownKeyOf(request: IncomingMessage): KnownKey | undefined {
  return knownClients.get(request)?.key;
}

/** The id of the API key in a client's path; undefined if the server has no keys. */
export function keyIdOf([first = '']: ClientPath): string | undefined {
  return first.startsWith(KEY_PREFIX) ? first.slice(KEY_PREFIX.length) : undefined;
}

/** The same path without what it is made of: a backend must tell clients apart, but has no use for their keys. */
export function anonymous(client: ClientPath): ClientPath {
  return client.map((name) => createHash('sha256').update(name).digest('base64url').slice(0, ANONYMOUS_LENGTH));
}

/** The address of a request's client, or its network if that is IPv6. */
export function addressOf(request: IncomingMessage): string {
  return networkOf(knownClients.get(request)?.address ?? request.socket.remoteAddress ?? '');
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
