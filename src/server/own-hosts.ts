import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { textPattern } from './text-pattern.ts';

export interface OwnHostsOptions {
  /** The address or name the server listens on. */
  readonly host: string;
  /** Further names of the server; `*` matches any text. */
  readonly allowedHosts: readonly string[];
}

/**
 * The host names under which browsers may reach the server: its own, this machine's, and all IP addresses, which DNS
 * cannot redirect.
 */
export class OwnHosts {
  readonly #names: ReadonlySet<string>;
  readonly #isAllowed: (name: string) => boolean;

  constructor({ host, allowedHosts }: OwnHostsOptions) {
    const machine = hostname().toLowerCase();
    this.#names = new Set(['localhost', host.toLowerCase(), machine, `${machine}.local`]);
    this.#isAllowed = textPattern(allowedHosts);
  }

  /** Whether a host name, as in a URL, is one of them. */
  has(name: string): boolean {
    const bare = name.replace(/^\[|\]$/g, '').replace(/\.$/, '');
    return isIP(bare) !== 0 || bare.endsWith('.localhost') || this.#names.has(bare) || this.#isAllowed(bare);
  }
}
