/** Identifies a client by nested groups, outermost first: its address, then its key. */
export type ClientPath = readonly string[];

/** Gives the place back. Further calls do nothing. */
export type LeavePlace = () => void;

/**
 * A limited number of places, assigned fairly. A free place goes to the waiting client that holds the fewest, then to
 * the one whose last turn is longest ago; the same applies within its groups. A client's first request therefore does
 * not wait behind the many requests of another.
 */
export class FairTurns {
  #free: number;
  #turns = 0;
  readonly #all = new Group();

  constructor(places: number) {
    this.#free = places;
  }

  get waiting(): number {
    return this.#all.waiting;
  }

  /** Adds places, or takes some away: those that are held stay until they are left. */
  grow(places: number): void {
    this.#free += places;
    while (this.#free > 0 && this.#give()) this.#free -= 1;
  }

  /** Takes a place once it is the client's turn. Throws the signal's reason. */
  async enter(client: ClientPath, signal: AbortSignal): Promise<LeavePlace> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      this.#all.take(client, (this.#turns += 1));
    } else {
      await this.#wait(client, signal);
    }
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#leave(client);
    };
  }

  async #wait(client: ClientPath, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        this.#all.remove(client, waiter);
        reject(signal.reason as Error);
      };
      const waiter: Waiter = {
        client,
        onTurn: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#all.add(client, waiter);
    });
  }

  #leave(client: ClientPath): void {
    this.#all.leave(client);
    if (this.#free < 0 || !this.#give()) this.#free += 1;
  }

  /** Gives a place to who is next; false if nobody waits. */
  #give(): boolean {
    const next = this.#all.next();
    if (next === undefined) return false;
    this.#all.remove(next.client, next);
    this.#all.take(next.client, (this.#turns += 1));
    next.onTurn();
    return true;
  }
}

interface Waiter {
  readonly client: ClientPath;
  readonly onTurn: () => void;
}

/** The clients that share a name at one level. */
class Group {
  waiting = 0;
  #held = 0;
  #lastTurn = 0;
  readonly #waiters = new Set<Waiter>();
  readonly #groups = new Map<string, Group>();

  add(path: ClientPath, waiter: Waiter): void {
    this.waiting += 1;
    const [name, ...rest] = path;
    if (name === undefined) this.#waiters.add(waiter);
    else this.#group(name).add(rest, waiter);
  }

  remove(path: ClientPath, waiter: Waiter): void {
    this.waiting -= 1;
    const [name, ...rest] = path;
    if (name === undefined) this.#waiters.delete(waiter);
    else this.#inGroup(name, (group) => group.remove(rest, waiter));
  }

  take(path: ClientPath, turn: number): void {
    this.#held += 1;
    this.#lastTurn = turn;
    const [name, ...rest] = path;
    if (name !== undefined) this.#group(name).take(rest, turn);
  }

  leave(path: ClientPath): void {
    this.#held -= 1;
    const [name, ...rest] = path;
    if (name !== undefined) this.#inGroup(name, (group) => group.leave(rest));
  }

  /** The next in turn. */
  next(): Waiter | undefined {
    let best: Group | undefined;
    for (const group of this.#groups.values()) {
      if (group.waiting > 0 && (best === undefined || group.#goesBefore(best))) best = group;
    }
    if (best !== undefined) return best.next();
    const [first] = this.#waiters;
    return first;
  }

  #goesBefore(other: Group): boolean {
    return this.#held === other.#held ? this.#lastTurn < other.#lastTurn : this.#held < other.#held;
  }

  #group(name: string): Group {
    let group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, (group = new Group()));
    return group;
  }

  /** Applies a change to a subgroup and drops the subgroup once it is empty. */
  #inGroup(name: string, work: (group: Group) => void): void {
    const group = this.#group(name);
    work(group);
    if (group.waiting === 0 && group.#held === 0) this.#groups.delete(name);
  }
}
