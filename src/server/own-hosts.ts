import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { hostNameOf } from './host-header.ts';
import { textPattern } from './text-pattern.ts';

export interface OwnHostsOptions {
  /** The addresses, names and Unix sockets the server listens on. */
  readonly hosts: readonly string[];
  /** Further names of the server; `*` matches any text. */
  readonly allowedHosts: readonly string[];
}

/**
 * The host names under which browsers may reach the server: its own, this machine's, and those that nobody can have lead
 * elsewhere by DNS: IP addresses, and names in `.internal`, which containers use for their host.
 */
export class OwnHosts {
  readonly #names: ReadonlySet<string>;
  readonly #isAllowed: (name: string) => boolean;

  constructor({ hosts, allowedHosts }: OwnHostsOptions) {
    const machine = hostname().toLowerCase();
    this.#names = new Set(['localhost', ...hosts.map((host) => host.toLowerCase()), machine, `${machine}.local`]);
    this.#isAllowed = textPattern(allowedHosts);
  }

  /** Whether a host name, as in a URL, is one of them. */
  has(name: string): boolean {
    const bare = name.replace(/^\[|\]$/g, '').replace(/\.$/, '');
    if (isIP(bare) !== 0 || /\.(?:localhost|internal)$/.test(bare)) return true;
    return this.#names.has(bare) || this.#isAllowed(bare);
  }

  /** The name in a Host header that is none of them; undefined if it is, or if there is none. */
  foreignName(host: string | undefined): string | undefined {
    const name = hostNameOf(host ?? '');
    return name === undefined || this.has(name) ? undefined : name;
  }
}
