import { VserveError } from '../errors/index.ts';

/** What a server does before its model is loaded. */
export type LoadingStage = 'starting' | 'downloading' | 'converting' | 'loading';

export interface LoadingProgress {
  readonly stage: LoadingStage;
  /** From 0 to 1. */
  readonly fraction: number;
}

/** The body of `/health`. */
export interface Health {
  readonly status: 'loading' | 'ok' | 'draining';
  readonly stage?: LoadingStage;
  /** From 0 to 1. */
  readonly progress?: number;
  /** How often it was started again after a crash; absent where nobody would do that. */
  readonly restarts?: number;
  readonly last_crash?: Crash;
}

/** How a process ended. */
export interface Crash {
  /** `SIGSEGV`, or the exit status of Windows. */
  readonly signal: string;
  /** ISO 8601 */
  readonly at: string;
}

/** What has happened to a server that is started again after crashes. */
export interface PastCrashes {
  readonly restarts: number;
  /** Undefined where there was none. */
  readonly lastCrash: Crash | undefined;
}

const MIN_WAIT_S = 1;
const MAX_WAIT_S = 60;

/** Whether a server has its model, and how far it is if it has not. */
export class ServerState {
  #status: Health['status'] = 'loading';
  #progress: LoadingProgress = { stage: 'starting', fraction: 0 };
  #stageSinceMs = performance.now();
  #drainsUntilMs = 0;
  readonly #crashes: Pick<Health, 'restarts' | 'last_crash'>;

  /** `past`: undefined where nobody starts the server again. */
  constructor(past?: PastCrashes) {
    const { restarts, lastCrash } = past ?? {};
    this.#crashes = {
      ...(restarts === undefined ? {} : { restarts }),
      ...(lastCrash === undefined ? {} : { last_crash: lastCrash }),
    };
  }

  get health(): Health {
    if (this.#status !== 'loading') return { status: this.#status, ...this.#crashes };
    const { stage, fraction } = this.#progress;
    return { status: 'loading', stage, progress: Math.round(fraction * 1000) / 1000, ...this.#crashes };
  }

  /** Seconds until it is worth asking again; undefined if the server is ready. */
  get retryAfterS(): number | undefined {
    if (this.#status === 'ok') return undefined;
    const leftMs = this.#status === 'draining' ? this.#drainsUntilMs - performance.now() : this.#loadingMs();
    return Math.min(MAX_WAIT_S, Math.max(MIN_WAIT_S, Math.ceil(leftMs / 1000)));
  }

  /** Why requests are not answered yet. */
  get loadingError(): VserveError {
    const { stage, fraction } = this.#progress;
    const message = `The model is not loaded yet (${stage}, ${String(Math.floor(fraction * 100))} %). Send the request again later.`;
    return new VserveError('model_loading', message, { retryAfterS: this.retryAfterS ?? MIN_WAIT_S });
  }

  report(progress: LoadingProgress): void {
    if (progress.stage !== this.#progress.stage) this.#stageSinceMs = performance.now();
    this.#progress = progress;
  }

  ready(): void {
    this.#status = 'ok';
  }

  /** The server ends within this time. */
  drain(timeoutMs: number): void {
    this.#status = 'draining';
    this.#drainsUntilMs = performance.now() + timeoutMs;
  }

  /** The time that the rest of this stage takes at the speed so far. */
  #loadingMs(): number {
    const { fraction } = this.#progress;
    const usedMs = performance.now() - this.#stageSinceMs;
    return fraction <= 0 ? usedMs : (usedMs * (1 - fraction)) / fraction;
  }
}
