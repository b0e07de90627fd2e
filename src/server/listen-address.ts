import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Where a server listens. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** The address that `--host` names: the path of a Unix socket, or a host, on this port. */
export function listenAddress(host: string, port: number): ListenAddress {
  const path = socketPathOf(host);
  if (path !== undefined) return { kind: 'unix', path };
  return { kind: 'tcp', host: host.replace(/^\[(.+)\]$/, '$1'), port };
}

/** The path of a Unix socket in `--host` (`/run/vserve.sock`, `unix:vserve.sock`); undefined for a host. */
function socketPathOf(host: string): string | undefined {
  if (host.startsWith('unix:')) return host.replace(/^unix:(\/\/(?=\/))?/, '');
  return host.includes('/') || host.endsWith('.sock') ? host : undefined;
}

/** `http://HOST:PORT` or `unix:PATH` */
export function urlOf(address: ListenAddress, scheme: 'http' | 'https' = 'http'): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const { host, port } = address;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
}

/** Whether only programs on this machine can connect to `--host`. */
export function isLocal(host: string): boolean {
  const address = listenAddress(host, 0);
  if (address.kind === 'unix') return true;
  if (isIP(address.host) === 0) return address.host.toLowerCase() === 'localhost';
  return ipaddr.process(address.host).range() === 'loopback';
}

/** Where metrics are served, beside a server on these hosts. */
export function metricsHosts(hosts: readonly string[]): readonly string[] {
  const tcp = hosts.filter((host) => listenAddress(host, 0).kind === 'tcp');
  return tcp.length > 0 ? tcp : ['127.0.0.1'];
}
