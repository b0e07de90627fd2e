/** Before each restart, by how many crashes came before: at once, then ever later. */
const DELAYS_MS = [0, 1000, 2000, 4000, 8000] as const;
/** Crashes longer ago are forgotten. */
const MEMORY_MS = 10 * 60_000;
/** A request that was running at so many crashes is refused. */
const CRASHES_OF_REFUSED = 2;

/** A request that was running when a server crashed. */
export interface RunningAtCrash {
  readonly fingerprint: string;
}

/** What crashes a server has had, which decides when it is started again, and which requests it refuses. */
export class CrashHistory {
  readonly #times: number[] = [];
  readonly #suspects = new Map<string, number>();
  #restarts = 0;

  /** How often the server was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** How often in a row it is started again. */
  static readonly most = DELAYS_MS.length;

  /**
   * A crash at a time of a monotonic clock. Returns after how many milliseconds to start the server again; undefined if
   * that has happened too often.
   */
  add(nowMs: number, running: Iterable<RunningAtCrash>): number | undefined {
    for (const fingerprint of new Set([...running].map((request) => request.fingerprint))) {
      this.#suspects.set(fingerprint, (this.#suspects.get(fingerprint) ?? 0) + 1);
    }
    const recent = this.#times.filter((time) => nowMs - time < MEMORY_MS);
    this.#times.splice(0, this.#times.length, ...recent, nowMs);
    const delayMs = DELAYS_MS[recent.length];
    if (delayMs !== undefined) this.#restarts += 1;
    return delayMs;
  }

  /** A request has ended, and the server has not: it is no suspect. One that is refused stays so. */
  clear({ fingerprint }: RunningAtCrash): void {
    if (!this.refused.includes(fingerprint)) this.#suspects.delete(fingerprint);
  }

  /** The fingerprints of requests that are not to be run again. */
  get refused(): readonly string[] {
    return [...this.#suspects]
      .filter(([, crashes]) => crashes >= CRASHES_OF_REFUSED)
      .map(([fingerprint]) => fingerprint);
  }
}
