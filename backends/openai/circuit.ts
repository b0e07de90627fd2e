import { CircuitState, circuitBreaker, ConsecutiveBreaker, DelegateBackoff, handleWhen } from 'cockatiel';
import type { CircuitBreakerPolicy } from 'cockatiel';

/** Failures in a row that open it. */
const FAILURES = 5;
const FIRST_OPEN_MS = 1000;
const LONGEST_OPEN_MS = 30_000;

export type CircuitStateName = 'closed' | 'half-open' | 'open';

const NAMES: Readonly<Record<CircuitState, CircuitStateName>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
};

/** How a request went; told once. */
export interface Outcome {
  succeeded(): void;
  failed(): void;
  /** It failed, and tells nothing of the server. */
  failedAgain(): void;
}

class Again extends Error {}

/**
 * Keeps requests from an upstream that fails one after the other: open, it lets nothing through for a while, then a single
 * request, whose success closes it.
 */
export class Circuit {
  readonly #breaker: CircuitBreakerPolicy;
  #trialAtMs = 0;

  /** It stays open for `firstOpenMs` at first, then for twice as long each time. */
  constructor(firstOpenMs = FIRST_OPEN_MS) {
    let openings = 0;
    const duration = (): number => {
      const ms = Math.min(firstOpenMs * 2 ** openings, LONGEST_OPEN_MS);
      openings += 1;
      this.#trialAtMs = Date.now() + ms;
      return ms;
    };
    this.#breaker = circuitBreaker(
      handleWhen((error) => !(error instanceof Again)),
      {
        halfOpenAfter: new DelegateBackoff(duration),
        breaker: new ConsecutiveBreaker(FAILURES),
      },
    );
    this.#breaker.onReset(() => (openings = 0));
  }

  get state(): CircuitStateName {
    return NAMES[this.#breaker.state];
  }

  /** Whether a request may pass; with `isTrial`, it decides about the others. */
  get admits(): { readonly isTrial: boolean } | undefined {
    if (this.#breaker.state === CircuitState.Closed) return { isTrial: false };
    const isDue = this.#breaker.state === CircuitState.Open && Date.now() >= this.#trialAtMs;
    return isDue ? { isTrial: true } : undefined;
  }

  /** Lets a request pass that it admits. */
  begin(): Outcome {
    let settle: { resolve: () => void; reject: (error: Error) => void } | undefined;
    const outcome = new Promise<void>((resolve, reject) => {
      settle = { resolve, reject };
    });
    outcome.catch(() => undefined);
    this.#breaker.execute(() => outcome).catch(() => undefined);
    return {
      succeeded: () => settle?.resolve(),
      failed: () => settle?.reject(new Error('The request failed.')),
      failedAgain: () => settle?.reject(new Again('The request failed as before.')),
    };
  }
}
