import type { Replica } from './replica.ts';

/** The replicas that are up and have room, in their order. Kept as they change: there may be a thousand of them. */
export class FreeReplicas {
  readonly #free: Replica[];

  constructor(replicas: readonly Replica[]) {
    this.#free = [...replicas];
  }

  get all(): readonly Replica[] {
    return this.#free;
  }

  /** A replica has taken a request, or ended one, failed or come back. */
  update(replica: Replica): void {
    const isFree = replica.isUp && replica.inFlight < replica.capacity;
    const at = this.#placeOf(replica);
    const wasFree = this.#free[at] === replica;
    if (isFree && !wasFree) this.#free.splice(at, 0, replica);
    if (!isFree && wasFree) this.#free.splice(at, 1);
  }

  /** Where it is, or would be. */
  #placeOf({ index }: Replica): number {
    let [from, to] = [0, this.#free.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#free[middle]?.index ?? Infinity) < index) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
