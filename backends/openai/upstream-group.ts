import { VserveError } from '../../src/errors/index.ts';
import type { Policy } from './balance/candidate.ts';
import type { Outcome } from './circuit.ts';
import type { Upstream } from './upstream.ts';

/** What a request wants of an upstream. */
export interface Wish {
  /** Of `affinityKey`. */
  readonly key: string;
  /** Whether an upstream can be asked for all that the request asks. */
  readonly suits: (upstream: Upstream) => boolean;
}

/** An upstream that was taken for a request. */
export interface Use {
  readonly upstream: Upstream;
  readonly outcome: Outcome;
  /** Its outcome decides whether the upstream is asked again. */
  readonly isTrial: boolean;
  /** Gives it back. Further calls do nothing. */
  release(): void;
}

interface Waiter {
  readonly wish: Wish;
  readonly excluded: ReadonlySet<Upstream>;
  /** Tries again; whether it is done waiting. */
  readonly retry: () => boolean;
}

/** The upstreams of a model: chooses one for each request, as many at a time as it has room for. */
export class UpstreamGroup {
  readonly #policy: Policy;
  #upstreams: readonly Upstream[] = [];
  readonly #waiters = new Set<Waiter>();

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  get all(): readonly Upstream[] {
    return this.#upstreams;
  }

  /** Requests that wait for room. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Requests that those which are up compute at a time. */
  get capacity(): number {
    return this.#upstreams.reduce((sum, upstream) => sum + (upstream.isUp ? upstream.capacity : 0), 0);
  }

  replace(upstreams: readonly Upstream[]): void {
    this.#upstreams = upstreams;
    this.wake();
  }

  /** An upstream has changed: those who wait may have room, or none to wait for. */
  wake(): void {
    for (const waiter of this.#waiters) {
      if (waiter.retry()) this.#waiters.delete(waiter);
    }
  }

  /**
   * Takes an upstream that suits a request, once one has room. Throws `upstream_unavailable` if none is up but those that
   * are excluded, or the signal's reason.
   */
  async take(wish: Wish, excluded: ReadonlySet<Upstream>, signal: AbortSignal): Promise<Use> {
    signal.throwIfAborted();
    // Who waits already goes first.
    const use = this.#waiters.size === 0 ? this.#tryTake(wish, excluded) : undefined;
    return use ?? this.#wait(wish, excluded, signal);
  }

  #wait(wish: Wish, excluded: ReadonlySet<Upstream>, signal: AbortSignal): Promise<Use> {
    return new Promise((resolve, reject) => {
      const settle = (): void => signal.removeEventListener('abort', onAbort);
      const retry = (): boolean => {
        try {
          const use = this.#tryTake(wish, excluded);
          if (use === undefined) return false;
          settle();
          resolve(use);
        } catch (error) {
          settle();
          reject(error);
        }
        return true;
      };
      const waiter: Waiter = { wish, excluded, retry };
      const onAbort = (): void => {
        this.#waiters.delete(waiter);
        reject(signal.reason as Error);
      };
      if (retry()) return;
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  /** Undefined if none has room. Throws `upstream_unavailable`. */
  #tryTake({ key, suits }: Wish, excluded: ReadonlySet<Upstream>): Use | undefined {
    const suited = this.#upstreams.filter((one) => !excluded.has(one) && suits(one));
    const admitting = suited.filter(({ admits }) => admits !== undefined);
    // Where all are silent, the fault may be on this side.
    const open = admitting.length > 0 ? admitting : suited.filter(({ isDoubtful }) => isDoubtful);
    if (open.length === 0) throw this.#unavailable();
    // One that may be well again is tried with the first request that comes.
    const trial = open.find((one) => one.admits?.isTrial === true);
    if (trial !== undefined) return this.#use(trial, true);
    const free = open.filter(({ inFlight, capacity }) => inFlight < capacity);
    return free.length === 0 ? undefined : this.#use(this.#policy(free, key), false);
  }

  #use(upstream: Upstream, isTrial: boolean): Use {
    const outcome = upstream.begin();
    let isHeld = true;
    return {
      upstream,
      outcome,
      isTrial,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        upstream.inFlight -= 1;
        this.wake();
      },
    };
  }

  #unavailable(): VserveError {
    const reasons = this.#upstreams.map(({ id, isUp, reason, circuitState }) =>
      isUp ? `${id}: its circuit is ${circuitState}` : `${id}: ${reason}`,
    );
    const message = 'No server behind this one can take the request at the moment. Please retry later.';
    return new VserveError('upstream_unavailable', message, { detail: reasons.join('; '), retryAfterS: 1 });
  }
}
