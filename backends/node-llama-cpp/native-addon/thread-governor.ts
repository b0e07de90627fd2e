/** A step that was computed by `threads()` threads. */
export interface ComputedStep {
  readonly tokens: number;
  readonly wallMs: number;
  /** Of a monotonic clock. */
  readonly endedAtMs: number;
  /** Threads that often stood in a CPU's queue. */
  readonly waitingThreads: number;
  /** CPUs that other programs leave to this process; -1 where that is unknown. */
  readonly freeCpus: number;
}

/** Chooses the number of threads; inside the engine, but for tests. */
export interface NativeThreadGovernor {
  /** For the next step. */
  threads(): number;
  /** Before the first step after a pause. */
  resume(): void;
  observe(step: ComputedStep): void;
}
