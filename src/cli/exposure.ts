import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { LogLevel } from '../backend/index.ts';

/** What is to be said of who can reach a server: it has neither authentication nor TLS of its own. */
export function exposureOf(host: string, port: number): [LogLevel, string] {
  if (isLoopback(host)) return ['info', 'No authentication and no TLS: only programs on this machine can connect.'];
  return [
    'warning',
    `No authentication and no TLS: everyone who can reach port ${port} of ${host} can use this server. To keep it to this machine, give --host 127.0.0.1.`,
  ];
}

function isLoopback(host: string): boolean {
  return isIP(host) === 0 ? host.toLowerCase() === 'localhost' : ipaddr.process(host).range() === 'loopback';
}
