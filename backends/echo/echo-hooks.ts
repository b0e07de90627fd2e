import type { ModelInfo } from '../../src/backend/index.ts';

/** Lets a test control a generation, so that it never has to sleep. */
export interface EchoHooks {
  /** Overrides parts of the model's info. */
  readonly info?: Partial<ModelInfo>;
  /** Awaited before the first event of a generation: a gate, or a failure if it throws. */
  readonly beforeStart?: () => Promise<void> | void;
  /** Awaited before the delta with this index: a gate, or a failure if it throws. */
  readonly beforeDelta?: (index: number) => Promise<void> | void;
  /** Called when a generation ends before its `finish`, with the signal's reason or the error thrown. */
  readonly onEndEarly?: (reason: unknown) => void;
}
