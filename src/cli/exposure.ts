import type { LogLevel } from '../backend/index.ts';
import { isLocal } from '../server/listen-address.ts';

interface Exposed {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly hasKeys: boolean;
  readonly hasTls: boolean;
}

/** The log line on who can use a server. */
export function exposureOf({ hosts, port, hasKeys, hasTls }: Exposed): [LogLevel, string] {
  const missing = [...(hasKeys ? [] : ['no authentication']), ...(hasTls ? [] : ['no TLS'])].join(' and ');
  const lacks = `${missing.charAt(0).toUpperCase()}${missing.slice(1)}`;
  const open = hosts.filter((host) => !isLocal(host));
  if (open.length === 0) {
    return [
      'info',
      missing === '' ? 'API keys and TLS are on.' : `${lacks}: only programs on this machine can connect.`,
    ];
  }
  if (missing === '') return ['info', 'Requests need an API key, and TLS is on.'];
  const where = `port ${port} on ${open.join(', ')}`;
  if (hasKeys) return ['warning', `${lacks}: whoever sees the network of ${where} can read API keys and answers.`];
  return [
    'warning',
    `${lacks}: anyone who can reach ${where} can use this server. To restrict it to this machine, use --host 127.0.0.1; to require a key, --api-key.`,
  ];
}
