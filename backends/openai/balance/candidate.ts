/** A server that a request could go to, as the policies see it. */
export interface Candidate {
  /** Stays the same for as long as its caches do. */
  readonly id: string;
  /** Of the id, by `hashOf`. */
  readonly idHash: number;
  /** Its share of the requests, in those of the others. */
  readonly weight: number;
  readonly inFlight: number;
  /** Requests that it computes at a time. */
  readonly capacity: number;
}

/**
 * Chooses among candidates, of which there is at least one and all have room. `key` tells requests that share a prefix from
 * others.
 */
export type Policy = <C extends Candidate>(candidates: readonly C[], key: string) => C;
