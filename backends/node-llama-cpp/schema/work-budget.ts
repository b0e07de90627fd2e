/** A schema takes more work than its budget has; `path` is the part of it at which it was used up. */
export class OutOfWork extends Error {
  override readonly name = 'OutOfWork';
  readonly path: string;

  constructor(path: string) {
    super(`The work was used up at ${path}.`);
    this.path = path;
  }
}

/** For an automaton of some states. */
export const automatonUnits = 50_000;

/**
 * The work that one schema may take, in units of roughly a tenth of a microsecond. It is counted, not timed: a schema is
 * taken or refused whatever else the machine does.
 */
export class WorkBudget {
  #units: number;

  constructor(units: number) {
    this.#units = units;
  }

  /** Throws `OutOfWork`. */
  spend(units: number, path: string): void {
    this.#units -= units;
    if (this.#units < 0) throw new OutOfWork(path);
  }
}
