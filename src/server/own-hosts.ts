import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { textPattern } from './text-pattern.ts';

export interface OwnHostsOptions {
  /** The address or name that the server listens on. */
  readonly host: string;
  /** Other names of it; `*` stands for any text. */
  readonly allowedHosts: readonly string[];
}

/**
 * The host names under which a browser may reach the server: its own, those of this machine, and every IP address, which
 * no DNS server can have lead elsewhere.
 */
export class OwnHosts {
  readonly #names: ReadonlySet<string>;
  readonly #isAllowed: (name: string) => boolean;

  constructor({ host, allowedHosts }: OwnHostsOptions) {
    const machine = hostname().toLowerCase();
    this.#names = new Set(['localhost', host.toLowerCase(), machine, `${machine}.local`]);
    this.#isAllowed = textPattern(allowedHosts);
  }

  /** Whether a host name as of a URL is one of them. */
  has(name: string): boolean {
    const bare = name.replace(/^\[|\]$/g, '').replace(/\.$/, '');
    return isIP(bare) !== 0 || bare.endsWith('.localhost') || this.#names.has(bare) || this.#isAllowed(bare);
  }
}
