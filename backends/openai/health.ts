import { messageOf } from '../../src/errors/index.ts';

/** Failures in a row that make an upstream count as down, unless one is certain. */
const FAILURES = 2;
/** An upstream that is down is asked more often. */
const DOWN_INTERVAL_MS = 1000;
const CHECK_TIMEOUT_MS = 5000;
/** Part of the interval by which checks vary, so that those of many servers spread. */
const JITTER = 0.2;

/** A check's answer that leaves no doubt: the connection is refused, or the upstream says that it is not ready. */
export class CertainlyDown extends Error {}

export interface HealthOptions {
  readonly intervalMs: number;
  readonly timeoutMs?: number | undefined;
  /** Whether the upstream has sent anything since a time of `performance.now()`: who does so is not down. */
  readonly heardSince: (ms: number) => boolean;
  /** Throws if the upstream is not well. */
  readonly check: (signal: AbortSignal) => Promise<void>;
  /** Told of each change, and of the reason why an upstream is down. */
  readonly onChange: (isUp: boolean, reason: string) => void;
  /** Told after each check. */
  readonly onChecked: () => void;
}

/** Asks an upstream every now and then whether it is well. */
export class Health {
  readonly #options: HealthOptions;
  readonly #stopped = new AbortController();
  #isUp = false;
  #isDoubtful = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** It is not up, but for no more than its silence. */
  get isDoubtful(): boolean {
    return this.#isDoubtful;
  }

  /** Asks now, and then at each interval. Resolves when the answer is known. */
  checkNow(): Promise<void> {
    this.#running ??= this.#check().finally(() => {
      this.#running = undefined;
      this.#schedule();
      this.#options.onChecked();
    });
    return this.#running;
  }

  stop(): void {
    this.#stopped.abort(new Error('The upstream was removed.'));
    clearTimeout(this.#timer);
  }

  async #check(): Promise<void> {
    const { check, timeoutMs = CHECK_TIMEOUT_MS, heardSince } = this.#options;
    const startedAtMs = performance.now();
    const limit = AbortSignal.timeout(timeoutMs);
    try {
      await check(AbortSignal.any([limit, this.#stopped.signal]));
      this.#failures = 0;
      this.#isDoubtful = false;
      this.#become(true, '');
    } catch (error) {
      const isCertain = error instanceof CertainlyDown;
      if (!isCertain && heardSince(startedAtMs)) return;
      this.#failures += 1;
      if (!isCertain && this.#failures < FAILURES) return;
      this.#isDoubtful = !isCertain && limit.aborted;
      this.#become(false, limit.aborted ? 'it does not answer' : messageOf(error));
    }
  }

  #become(isUp: boolean, reason: string): void {
    if (this.#isUp === isUp || this.#stopped.signal.aborted) return;
    this.#isUp = isUp;
    this.#options.onChange(isUp, reason);
  }

  #schedule(): void {
    if (this.#stopped.signal.aborted) return;
    const { intervalMs } = this.#options;
    const ms = this.#isUp ? intervalMs : Math.min(intervalMs, DOWN_INTERVAL_MS);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.checkNow(), ms * (1 + JITTER * (2 * Math.random() - 1)));
    this.#timer.unref();
  }
}
