import type { LoadedModel } from '../backend/index.ts';

/** Returns a CPU at the end of the current turn of the event loop. Further calls do nothing. */
export type GiveBack = () => void;

/** A CPU that is held while there is work and returned after a period without any. */
export interface CpuLease {
  /** Signals that there is work. */
  renew(): void;
  /** Signals that there will be no more. */
  end(): void;
}

/** Tracks how many CPUs the server's own work takes from the model, and tells the model. */
export class CpuShare {
  readonly #model: Pick<LoadedModel, 'leaveCpus' | 'stats'>;
  #taken = 0;
  /** The number last reported to the model. */
  #told = 0;

  constructor(model: Pick<LoadedModel, 'leaveCpus' | 'stats'>) {
    this.#model = model;
  }

  /** Whether the model is currently running requests. */
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
      // The rest of this turn of the event loop often takes one again.
      setImmediate(() => this.#tell());
    };
  }

  /** Takes a CPU on `renew` and keeps it until there was no call for `idleMs`. */
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
