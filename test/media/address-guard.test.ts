import type { LookupAddress } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { AddressGuard } from '../../src/media/address-guard.ts';
import type { AddressGuardOptions } from '../../src/media/address-guard.ts';

function guard(allowedMediaHosts: string[] = [], changes: Partial<AddressGuardOptions> = {}): AddressGuard {
  return new AddressGuard({ ssrfProtectionEnabled: true, allowedMediaHosts, ...changes });
}

/** What `net.connect` would get for a host that resolves to these addresses. */
function resolveWith(addresses: string[], allowed: string[] = [], host = 'host.example'): Promise<LookupAddress[]> {
  const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  const lookup = ((_host: string, _options: unknown, callback: (error: null, found: LookupAddress[]) => void) =>
    callback(null, found)) as unknown as AddressGuardOptions['lookup'];
  return new Promise((resolve, reject) => {
    guard(allowed, { lookup }).lookup(host, { all: true }, (error, resolved) => {
      if (error === null) resolve(resolved as LookupAddress[]);
      else reject(error);
    });
  });
}

const blocked = { code: 'ssrf_blocked' };

describe('AddressGuard', () => {
  it.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '192.0.0.1',
    '192.0.2.1',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:a00:1',
    '64:ff9b::7f00:1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fec0::1',
    'ff02::1',
  ])('blocks %s, as a literal and behind a name', async (address) => {
    expect(() => guard().requireAllowedLiteral(address.includes(':') ? `[${address}]` : address)).toThrow(
      expect.objectContaining(blocked) as Error,
    );
    await expect(resolveWith([address])).rejects.toMatchObject(blocked);
  });

  it.each(['8.8.8.8', '93.184.216.34', '2606:4700::1111'])('lets %s through', async (address) => {
    expect(await resolveWith([address])).toHaveLength(1);
  });

  it('blocks a name if any of its addresses is not public, and does not name it', async () => {
    const refused = resolveWith(['8.8.8.8', '10.0.0.7']);
    await expect(refused).rejects.toMatchObject(blocked);
    await expect(refused).rejects.not.toThrow(/10\.0\.0\.7/);
  });

  it('lets what is listed through: by name, address, range', async () => {
    expect(await resolveWith(['10.0.0.7'], ['host.example'])).toHaveLength(1);
    expect(await resolveWith(['10.0.0.7'], ['HOST.example.'])).toHaveLength(1);
    expect(await resolveWith(['10.0.0.7'], ['10.0.0.7'])).toHaveLength(1);
    expect(await resolveWith(['10.0.0.7', 'fd00::1'], ['10.0.0.0/24', 'fd00::/8'])).toHaveLength(2);
    await expect(resolveWith(['10.0.1.7'], ['10.0.0.0/24'])).rejects.toMatchObject(blocked);
    await expect(resolveWith(['10.0.0.7'], ['example', 'sub.host.example'])).rejects.toMatchObject(blocked);
    await expect(resolveWith(['10.0.0.7', '10.0.0.8'], ['10.0.0.7'])).rejects.toMatchObject(blocked);
    expect(() => guard(['127.0.0.0/8']).requireAllowedLiteral('[::ffff:127.0.0.1]')).not.toThrow();
    expect(() => guard(['[::1]']).requireAllowedLiteral('[::1]')).not.toThrow();
  });

  it('lets everything through where it is off', () => {
    expect(() => guard([], { ssrfProtectionEnabled: false }).requireAllowedLiteral('127.0.0.1')).not.toThrow();
  });

  it('refuses a list entry that is no range', () => {
    expect(() => guard(['10.0.0.0/99'])).toThrow(expect.objectContaining({ code: 'invalid_setting' }) as Error);
  });
});
