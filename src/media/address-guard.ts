import { lookup as dnsLookup } from 'node:dns';
import type * as dns from 'node:dns';
import type { LookupAddress, LookupOptions } from 'node:dns';
import ipaddr from 'ipaddr.js';
import { VserveError } from '../errors/index.ts';
import { isForeignPort } from './foreign-ports.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = [Address, number];
type Lookup = typeof dns.lookup;
type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** Azure's host endpoint, which hands out secrets to its virtual machines: formally a public address. */
const AZURE_HOST = ipaddr.parse('168.63.129.16');
/** The part of IPv6 that is allocated to the public network (RFC 4291, section 2.4). */
const GLOBAL_UNICAST_IPV6: Range = ipaddr.parseCIDR('2000::/3');

export interface AddressGuardOptions {
  readonly ssrfProtectionEnabled: boolean;
  readonly allowedMediaHosts: readonly string[];
  /** Resolves names; for tests. */
  readonly lookup?: Lookup | undefined;
}

/**
 * Decides which hosts images may be fetched from: those whose every address is public, and those allowed by name, address
 * or range. Connections resolve names with its `lookup`, so that the address checked is the address connected to.
 */
export class AddressGuard {
  readonly #enabled: boolean;
  readonly #allowedNames: ReadonlySet<string>;
  readonly #allowedRanges: readonly Range[];
  readonly #resolve: Lookup;

  /** Throws `invalid_setting` for an allowed host that is neither a name nor an address nor a range. */
  constructor({ ssrfProtectionEnabled, allowedMediaHosts, lookup = dnsLookup }: AddressGuardOptions) {
    this.#enabled = ssrfProtectionEnabled;
    this.#allowedRanges = allowedMediaHosts.map(rangeOf).filter((range) => range !== undefined);
    this.#allowedNames = new Set(allowedMediaHosts.filter((entry) => rangeOf(entry) === undefined).map(normalizedName));
    this.#resolve = lookup;
  }

  /** Checks a URL's host if it is an IP address, which is never looked up. Throws `ssrf_blocked`. */
  requireAllowedLiteral(hostname: string): void {
    const literal = hostname.replace(/^\[|\]$/g, '');
    if (ipaddr.isValid(literal)) this.#requireAllowed([literal]);
  }

  /** Checks a URL's port; an empty one is the default of the scheme. Throws `ssrf_blocked`. */
  requireAllowedPort(port: string): void {
    if (!this.#enabled || !isForeignPort(port)) return;
    throw new VserveError(
      'ssrf_blocked',
      `The image URL leads to port ${port}, which belongs to another protocol than HTTP.`,
    );
  }

  /** As `dns.lookup`, for `net.connect`: fails with `ssrf_blocked` if any address of the name is not allowed. */
  readonly lookup = (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    this.#resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      try {
        if (!this.#allowedNames.has(normalizedName(hostname))) {
          this.#requireAllowed(addresses.map(({ address }) => address));
        }
      } catch (refusal) {
        return callback(refusal as Error, []);
      }
      const [first] = addresses;
      if (options.all === true || first === undefined) return callback(null, addresses);
      callback(null, first.address, first.family);
    });
  };

  #requireAllowed(addresses: readonly string[]): void {
    if (!this.#enabled || addresses.every((address) => this.#isAllowed(address))) return;
    const message =
      'The image URL leads to an address that is not public, which this server does not fetch from (to allow it: MAX_SERVE_MEDIA_URL_ALLOWED_HOSTS).';
    throw new VserveError('ssrf_blocked', message);
  }

  #isAllowed(text: string): boolean {
    const address = parseAddress(text);
    return isPublic(address) || this.#allowedRanges.some((range) => isWithin(address, range));
  }
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast' || address.toString() === AZURE_HOST.toString()) return false;
  return address.kind() === 'ipv4' || isWithin(address, GLOBAL_UNICAST_IPV6);
}

function isWithin(address: Address, [base, bits]: Range): boolean {
  return address.kind() === base.kind() && address.match(base, bits);
}

/** An IPv4 address mapped to IPv6 (::ffff:127.0.0.1) counts as IPv4. */
function parseAddress(text: string): Address {
  return ipaddr.process(text);
}

/** The range of an allow-list entry; undefined for a host name. */
function rangeOf(entry: string): Range | undefined {
  if (entry.includes('/')) {
    if (!ipaddr.isValidCIDR(entry)) {
      const message = `"${entry}" is not a CIDR range such as 10.0.0.0/8.`;
      throw new VserveError('invalid_setting', message, { param: 'allowedMediaHosts' });
    }
    return ipaddr.parseCIDR(entry);
  }
  const literal = entry.replace(/^\[|\]$/g, '');
  if (!ipaddr.isValid(literal)) return undefined;
  const address = parseAddress(literal);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

function normalizedName(hostname: string): string {
  return hostname.toLowerCase().replace(/\.$/, '');
}
