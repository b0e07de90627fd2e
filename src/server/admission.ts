import { FairTurns } from './fair-turns.ts';
import type { ClientPath, LeavePlace } from './fair-turns.ts';
import { atCapacity, RequestCounts } from './request-counts.ts';
import type { RequestLimits } from './request-counts.ts';
import { ServiceTimes } from './service-times.ts';

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

/** Gives requests their places. */
export interface Places {
  /** Takes a place for a request. Throws `at_capacity`. */
  join(client: ClientPath): Place;
}

export interface AdmissionOptions extends RequestLimits {
  /** Requests that the backend runs at the same time. It may change. */
  readonly maxBatchSize: number | (() => number);
  /** Maximum number of further requests that wait; undefined means no limit. */
  readonly maxQueueSize: number | undefined;
  /** Of all models of the server, with their limits; undefined where there is one. */
  readonly counts?: RequestCounts | undefined;
}

/** Hands requests to the backend in fair turns, as many as it can run, and refuses those beyond the limits. */
export class Admission implements Places {
  readonly #maxBatchSize: () => number;
  readonly #maxQueueSize: number;
  #batchSize: number;
  readonly #counts: RequestCounts;
  readonly #generations: FairTurns;
  readonly #fetches = new FairTurns(MAX_WITH_IMAGES);
  readonly #times: ServiceTimes;
  #requests = 0;

  constructor({ maxBatchSize, maxQueueSize, counts, ...limits }: AdmissionOptions) {
    this.#maxBatchSize = typeof maxBatchSize === 'number' ? () => maxBatchSize : maxBatchSize;
    this.#batchSize = this.#maxBatchSize();
    this.#maxQueueSize = maxQueueSize ?? Infinity;
    this.#counts = counts ?? new RequestCounts(limits);
    this.#generations = new FairTurns(this.#batchSize + PREPARED_AHEAD);
    this.#times = new ServiceTimes(this.#batchSize);
  }

  /** Requests that wait for their turn. */
  get waiting(): number {
    return this.#generations.waiting + this.#fetches.waiting;
  }

  /** Throws `at_capacity` if there is no place for another request, or for another one of this client. */
  requireRoom(client?: ClientPath): void {
    this.#adapt();
    if (this.#requests >= this.#batchSize + this.#maxQueueSize || this.#counts.isFull) {
      throw atCapacity(this.#times.secondsFor(this.#generations.waiting + 1));
    }
    if (client !== undefined) this.#counts.requireRoomFor(client, (requests) => this.#times.secondsFor(requests));
  }

  join(client: ClientPath): Place {
    this.requireRoom(client);
    this.#count(client, 1);
    return this.#place(client, () => this.#count(client, -1));
  }

  /**
   * For the parts of one request, each of which takes its own turn: together they count as one. A request with many parts
   * would otherwise never have room.
   */
  asOne(): Places {
    let parts = 0;
    return {
      join: (client) => {
        if (parts === 0) {
          this.requireRoom(client);
          this.#count(client, 1);
        }
        parts += 1;
        return this.#place(client, () => {
          parts -= 1;
          if (parts === 0) this.#count(client, -1);
        });
      },
    };
  }

  #place(client: ClientPath, onLeave: () => void): Place {
    let leaveFetches: LeavePlace | undefined;
    let leaveGenerations: LeavePlace | undefined;
    let endService: (() => void) | undefined;
    let isHeld = true;
    return {
      toFetchImages: async (signal) => {
        leaveFetches = await this.#fetches.enter(client, signal);
      },
      toGenerate: async (signal) => {
        leaveGenerations = await this.#generations.enter(client, signal);
        endService = this.#times.begin();
        leaveFetches?.();
      },
      leave: () => {
        if (!isHeld) return;
        isHeld = false;
        onLeave();
        endService?.();
        leaveFetches?.();
        leaveGenerations?.();
      },
    };
  }

  #adapt(): void {
    const batchSize = this.#maxBatchSize();
    if (batchSize === this.#batchSize) return;
    this.#generations.grow(batchSize - this.#batchSize);
    this.#batchSize = batchSize;
  }

  #count(client: ClientPath, change: 1 | -1): void {
    this.#requests += change;
    this.#counts.add(client, change);
  }
}
