import { isIP } from 'node:net';

/** Whether a text is a host name, an IP address or a CIDR range. */
export function isHost(value: string): boolean {
  const [address = '', prefix, ...rest] = value.split('/');
  const version = isIP(address);
  if (prefix === undefined) return version !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(address);
  return rest.length === 0 && version !== 0 && /^\d+$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128);
}
