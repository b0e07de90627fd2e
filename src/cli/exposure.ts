import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { LogLevel } from '../backend/index.ts';

/** The log line on who can use a server, which has no authentication and no TLS. */
export function exposureOf(host: string, port: number): [LogLevel, string] {
  if (isLoopback(host)) return ['info', 'No authentication and no TLS: only programs on this machine can connect.'];
  return [
    'warning',
    `No authentication and no TLS: anyone who can reach port ${port} on ${host} can use this server. To restrict it to this machine, use --host 127.0.0.1.`,
  ];
}

function isLoopback(host: string): boolean {
  return isIP(host) === 0 ? host.toLowerCase() === 'localhost' : ipaddr.process(host).range() === 'loopback';
}
