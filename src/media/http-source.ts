import { AddressGuard } from './address-guard.ts';
import type { AddressGuardOptions } from './address-guard.ts';
import type { FetchTimeouts, HttpFetcher, HttpReadOptions } from './http-fetcher.ts';
import type { EncodedImage } from './image-source.ts';

const DEFAULT_TIMEOUTS: FetchTimeouts = { connectMs: 10_000, idleMs: 30_000 };

export interface HttpSourceOptions extends AddressGuardOptions {
  readonly timeouts?: FetchTimeouts | undefined;
}

/** Images behind URLs. What fetches them is imported later: a server can start without its hundred modules. */
export class HttpSource {
  readonly #guard: AddressGuard;
  readonly #timeouts: FetchTimeouts;
  #fetcher: Promise<HttpFetcher> | undefined;

  constructor({ timeouts = DEFAULT_TIMEOUTS, ...guard }: HttpSourceOptions) {
    this.#guard = new AddressGuard(guard);
    this.#timeouts = timeouts;
  }

  /** Throws what `HttpFetcher.read` throws. */
  async read(url: string, options: HttpReadOptions): Promise<EncodedImage> {
    return (await this.#open()).read(url, options);
  }

  /** Imports what the first `read` would wait for. */
  async warmUp(): Promise<void> {
    await this.#open();
  }

  #open(): Promise<HttpFetcher> {
    this.#fetcher ??= import('./http-fetcher.ts').then(
      ({ HttpFetcher }) => new HttpFetcher(this.#guard, this.#timeouts),
      (error: unknown) => {
        // No more files could be opened, perhaps: the next one tries again.
        this.#fetcher = undefined;
        throw error;
      },
    );
    return this.#fetcher;
  }
}
