import type { LoadedModel } from '../backend/index.ts';

/** Gives a CPU back. A second call does nothing. */
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
  readonly #model: Pick<LoadedModel, 'leaveCpus'>;
  #taken = 0;

  constructor(model: Pick<LoadedModel, 'leaveCpus'>) {
    this.#model = model;
  }

  /** Takes a CPU from the model. */
  take(): GiveBack {
    let isTaken = true;
    this.#change(1);
    return () => {
      if (isTaken) this.#change(-1);
      isTaken = false;
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

  #change(by: 1 | -1): void {
    this.#taken += by;
    this.#model.leaveCpus?.(this.#taken);
  }
}
