import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { MiddlewareHandler } from 'hono';
import ipaddr from 'ipaddr.js';
import type { RequestContext } from './access-log.ts';
import { knowClient } from './client-path.ts';

/** What `--trusted-proxy` calls the programs that connect by a Unix socket. */
const UNIX = 'unix';

/**
 * Takes the addresses of clients from the `X-Forwarded-For` of these proxies: IP addresses, CIDR ranges, or `unix`. Each
 * proxy appends the address that it was connected from, so the last one that is not a proxy's is the client's. What
 * stands before it may be invented.
 */
export function trustProxies(proxies: readonly string[]): MiddlewareHandler<RequestContext> {
  const isProxy = proxyMatcher(proxies);
  return async ({ env: { incoming } }, next) => {
    const address = clientBehind(incoming, isProxy);
    if (address !== undefined) knowClient(incoming, { address });
    await next();
  };
}

function clientBehind({ socket, headers }: IncomingMessage, isProxy: (address: string) => boolean): string | undefined {
  if (!isProxy(socket.remoteAddress ?? UNIX)) return undefined;
  const hops = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
  let client: string | undefined;
  for (const hop of hops.map(bareAddress).toReversed()) {
    if (isIP(hop) === 0) break;
    client = hop;
    if (!isProxy(hop)) break;
  }
  return client;
}

/** An address without a port, as some proxies write it. */
function bareAddress(hop: string): string {
  const text = hop.trim();
  return /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
}

function proxyMatcher(proxies: readonly string[]): (address: string) => boolean {
  const ranges = proxies.filter((proxy) => proxy !== UNIX).map(rangeOf);
  const trustsUnix = proxies.includes(UNIX);
  return (address) => {
    if (address === UNIX) return trustsUnix;
    if (isIP(address) === 0) return false;
    const parsed = ipaddr.process(address);
    return ranges.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits));
  };
}

function rangeOf(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  if (text.includes('/')) return ipaddr.parseCIDR(text);
  const address = ipaddr.process(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}
