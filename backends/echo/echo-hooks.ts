import type { ModelInfo } from '../../src/backend/index.ts';

/** What a test controls from outside, so that it never has to wait for a time. */
export interface EchoHooks {
  /** Replaces parts of what the model says of itself. */
  readonly info?: Partial<ModelInfo>;
  /** Awaited before the first event of a generation: a gate, or a failure when it throws. */
  readonly beforeStart?: () => Promise<void> | void;
  /** Awaited before the delta with this index: a gate, or a failure when it throws. */
  readonly beforeDelta?: (index: number) => Promise<void> | void;
  /** Called when a generation ends before its `finish`, with the signal's reason or what was thrown. */
  readonly onEndEarly?: (reason: unknown) => void;
}
