import { VserveError } from '../errors/index.ts';
import { keyIdOf } from './client-path.ts';
import type { ClientPath } from './fair-turns.ts';

export interface RequestLimits {
  /** Maximum number of requests, running and waiting; undefined means no limit. */
  readonly maxPendingRequests?: number | undefined;
  /** The same for the requests of one API key, by its id. */
  readonly maxRequestsOf?: ((keyId: string) => number | undefined) | undefined;
}

/** The requests of a server, whichever model they are for: all, and those of each API key. */
export class RequestCounts {
  readonly #maxPendingRequests: number;
  readonly #maxRequestsOf: (keyId: string) => number | undefined;
  readonly #byKey = new Map<string, number>();
  #requests = 0;

  constructor({ maxPendingRequests, maxRequestsOf }: RequestLimits = {}) {
    this.#maxPendingRequests = maxPendingRequests ?? Infinity;
    this.#maxRequestsOf = maxRequestsOf ?? (() => undefined);
  }

  /** Whether there is no place for another request, of whomever. */
  get isFull(): boolean {
    return this.#requests >= this.#maxPendingRequests;
  }

  /** Throws `at_capacity` if there is no place for another request of this client. `secondsFor`: how long so many take. */
  requireRoomFor(client: ClientPath, secondsFor: (requests: number) => number): void {
    const keyId = keyIdOf(client);
    if (keyId === undefined) return;
    const own = this.#byKey.get(keyId) ?? 0;
    const limit = this.#maxRequestsOf(keyId);
    if (limit === undefined || own < limit) return;
    throw new VserveError(
      'at_capacity',
      `This API key has ${String(own)} requests running or waiting, as many as it may have at a time. Please retry later.`,
      { retryAfterS: secondsFor(own) },
    );
  }

  add(client: ClientPath, change: 1 | -1): void {
    this.#requests += change;
    const keyId = keyIdOf(client);
    if (keyId === undefined) return;
    const own = (this.#byKey.get(keyId) ?? 0) + change;
    if (own === 0) this.#byKey.delete(keyId);
    else this.#byKey.set(keyId, own);
  }
}

/** The error of a request beyond the limits of the server. */
export function atCapacity(retryAfterS?: number): VserveError {
  return new VserveError(
    'at_capacity',
    'Server is at capacity. Please retry later.',
    retryAfterS === undefined ? {} : { retryAfterS },
  );
}
