import { VserveError } from '../errors/index.ts';
import { FairTurns } from './fair-turns.ts';
import type { ClientPath, LeavePlace } from './fair-turns.ts';

/**
 * Requests given to the backend beyond its batch, so that the next prompt is ready when a slot becomes free. The
 * backend runs them first come, first served, so there should not be many.
 */
const PREPARED_AHEAD = 1;
/** Maximum number of waiting requests whose images are being fetched or are held decoded in memory. */
const MAX_WITH_IMAGES = 64;

/** The place of a complete request on its way to the backend. */
export interface Place {
  /** Waits until the request may fetch its images. Throws the signal's reason. */
  toFetchImages(signal: AbortSignal): Promise<void>;
  /** Waits until it is the request's turn to run. Throws the signal's reason. */
  toGenerate(signal: AbortSignal): Promise<void>;
  /** Gives up the place. Call it once the backend is done with the request. */
  leave(): void;
}

export interface AdmissionOptions {
  /** Requests that the backend runs at the same time. */
  readonly maxBatchSize: number;
  /** Maximum number of further requests that wait; undefined means no limit. */
  readonly maxQueueSize: number | undefined;
}

/** Hands requests to the backend in fair turns, as many as it can run, and refuses those beyond the limit. */
export class Admission {
  readonly #limit: number;
  readonly #generations: FairTurns;
  readonly #fetches = new FairTurns(MAX_WITH_IMAGES);
  #requests = 0;

  constructor({ maxBatchSize, maxQueueSize }: AdmissionOptions) {
    this.#limit = maxBatchSize + (maxQueueSize ?? Infinity);
    this.#generations = new FairTurns(maxBatchSize + PREPARED_AHEAD);
  }

  /** Requests that wait for their turn. */
  get waiting(): number {
    return this.#generations.waiting + this.#fetches.waiting;
  }

  /** Throws `at_capacity` if there is no place for another request. */
  requireRoom(): void {
    if (this.#requests < this.#limit) return;
    throw new VserveError('at_capacity', 'Server is at capacity. Please retry later.');
  }

  /** Takes a place for a request. Throws `at_capacity`. */
  join(client: ClientPath): Place {
    this.requireRoom();
    this.#requests += 1;
    let leaveFetches: LeavePlace | undefined;
    let leaveGenerations: LeavePlace | undefined;
    let isHeld = true;
    return {
      toFetchImages: async (signal) => {
        leaveFetches = await this.#fetches.enter(client, signal);
      },
      toGenerate: async (signal) => {
        leaveGenerations = await this.#generations.enter(client, signal);
        leaveFetches?.();
      },
      leave: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#requests -= 1;
        leaveFetches?.();
        leaveGenerations?.();
      },
    };
  }
}
