import { VserveError } from '../errors/index.ts';
import { FairTurns } from './fair-turns.ts';
import type { ClientPath, LeavePlace } from './fair-turns.ts';

/**
 * Requests that the backend has beyond those that it computes: their prompts are ready when a place is free. More would
 * wait there in the order in which they came.
 */
const PREPARED_AHEAD = 1;
/** Most requests whose images are fetched, or lie decoded in memory, while they wait. */
const MAX_WITH_IMAGES = 64;

/** A whole request, on its way to the backend. */
export interface Place {
  /** Waits until the request's images may be fetched. Throws the signal's reason. */
  toFetchImages(signal: AbortSignal): Promise<void>;
  /** Waits until it is the request's turn to be computed. Throws the signal's reason. */
  toGenerate(signal: AbortSignal): Promise<void>;
  /** To be called when the backend is done with it. */
  leave(): void;
}

export interface AdmissionOptions {
  /** Requests that the backend computes at a time. */
  readonly maxBatchSize: number;
  /** Requests that may wait beside these; undefined sets no limit. */
  readonly maxQueueSize: number | undefined;
}

/** Lets requests to the backend, as many as it computes and in fair turns, and refuses those that are too many. */
export class Admission {
  readonly #limit: number;
  readonly #generations: FairTurns;
  readonly #fetches = new FairTurns(MAX_WITH_IMAGES);
  #requests = 0;

  constructor({ maxBatchSize, maxQueueSize }: AdmissionOptions) {
    this.#limit = maxBatchSize + (maxQueueSize ?? Infinity);
    this.#generations = new FairTurns(maxBatchSize + PREPARED_AHEAD);
  }

  /** Throws `at_capacity` where a request would find no place. */
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
