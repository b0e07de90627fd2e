import type { LookupAddress } from 'node:dns';
import { BlockList } from 'node:net';
import * as fc from 'fast-check';
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

/**
 * What is not globally reachable, or leads to an IPv4 address of anybody's choice: IANA's registries of special-purpose
 * addresses, and all of IPv6 that is given out to nobody.
 */
const special: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 4, 'ipv4'],
  ['240.0.0.0', 4, 'ipv4'],
  ['::', 3, 'ipv6'],
  ['2001::', 23, 'ipv6'],
  ['2001:db8::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['3fff::', 20, 'ipv6'],
  ['4000::', 2, 'ipv6'],
  ['8000::', 1, 'ipv6'],
];
/** One for each family: a list takes an IPv4 address for the IPv6 address that it can be written as. */
const oracles = { ipv4: new BlockList(), ipv6: new BlockList() };
for (const [base, bits, family] of special) oracles[family].addSubnet(base, bits, family);

function numberOf(base: string): bigint {
  if (!base.includes(':')) return base.split('.').reduce((number, part) => number * 256n + BigInt(part), 0n);
  const groups = base
    .replace(/::$/, '')
    .split(':')
    .filter((group) => group !== '');
  return groups.reduce((number, group, index) => number + (BigInt(`0x${group}`) << BigInt(112 - index * 16)), 0n);
}

function addressOf(number: bigint, family: 'ipv4' | 'ipv6'): string {
  if (family === 'ipv4') return [24n, 16n, 8n, 0n].map((shift) => String((number >> shift) & 255n)).join('.');
  return number.toString(16).padStart(32, '0').match(/.{4}/g)?.join(':') ?? '';
}

describe('AddressGuard', () => {
  it.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '168.63.129.16',
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

  it('blocks what the registries of special addresses say is not global', async () => {
    const [size, prefix] = [fc.nat(128), fc.constantFrom(...special)];
    await fc.assert(
      fc.asyncProperty(prefix, fc.bigInt(0n, 2n ** 128n), size, async ([base, bits, family], random, skipped) => {
        const width = family === 'ipv4' ? 32 : 128;
        const free = BigInt(Math.max(0, width - bits - (skipped % (width - bits + 1))));
        const address = addressOf(numberOf(base) + (random % 2n ** free), family);
        expect(oracles[family].check(address, family)).toBe(true);
        await expect(resolveWith([address])).rejects.toMatchObject(blocked);
        const literal = family === 'ipv6' ? `[${address}]` : address;
        expect(() => guard().requireAllowedLiteral(literal)).toThrow(expect.objectContaining(blocked) as Error);
      }),
      { numRuns: 3000 },
    );
  });

  it('lets through what is one below and one above a range of them, where that is global', async () => {
    for (const [base, bits, family] of special) {
      const width = family === 'ipv4' ? 32n : 128n;
      const first = numberOf(base);
      for (const number of [first - 1n, first + 2n ** (width - BigInt(bits))]) {
        if (number < 0n || number >= 2n ** width) continue;
        const address = addressOf(number, family);
        if (oracles[family].check(address, family)) await expect(resolveWith([address])).rejects.toMatchObject(blocked);
        else expect(await resolveWith([address])).toHaveLength(1);
      }
    }
  });
});
