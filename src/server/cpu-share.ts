import type { LoadedModel } from '../backend/index.ts';

/** Gives a CPU back, once this turn of the event loop is over. A second call does nothing. */
export type GiveBack = () => void;

/** A CPU that is taken while there is work, and given back when none came for a while. */
export interface CpuLease {
  /** There is work. */
  renew(): void;
  /** There will be none. */
  end(): void;
}

/** Keeps count of the CPUs that the server's own work takes from the model, and tells the model. */
export class CpuShare {
  readonly #model: Pick<LoadedModel, 'leaveCpus' | 'stats'>;
  #taken = 0;
  /** What the model knows of it. */
  #told = 0;

  constructor(model: Pick<LoadedModel, 'leaveCpus' | 'stats'>) {
    this.#model = model;
  }

  /** Whether the model computes at the moment. */
  get modelIsBusy(): boolean {
    return this.#model.stats().sequencesRunning > 0;
  }

  /** Takes a CPU from the model. */
  take(): GiveBack {
    let isTaken = true;
    this.#taken += 1;
    this.#tell();
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#taken -= 1;
      // What comes next in this turn of the event loop often takes one again.
      setImmediate(() => this.#tell());
    };
  }

  /** Takes a CPU with each `renew`, until none comes for `idleMs`. */
  lease(idleMs: number): CpuLease {
    let held: { readonly giveBack: GiveBack; readonly timer: NodeJS.Timeout } | undefined;
    const end = (): void => {
      clearTimeout(held?.timer);
      held?.giveBack();
      held = undefined;
    };
    return {
      renew: () => {
        if (held === undefined) held = { giveBack: this.take(), timer: setTimeout(end, idleMs).unref() };
        else held.timer.refresh();
      },
      end,
    };
  }

  #tell(): void {
    if (this.#taken === this.#told) return;
    this.#told = this.#taken;
    this.#model.leaveCpus?.(this.#told);
  }
}
