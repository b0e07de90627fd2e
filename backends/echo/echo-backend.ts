import type { Backend, LoadSettings, ModelInfo } from '../../src/backend/index.ts';
import { EchoModel } from './echo-model.ts';

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

const DEFAULT_CONTEXT_LENGTH = 8192;
const DEFAULT_BATCH_SIZE = 8;

/** Makes an echo backend. The files that it is told to load are not looked at. */
export function createEchoBackend(hooks: EchoHooks = {}): Backend {
  return {
    name: 'echo',
    load(_files, settings, { signal, onProgress }) {
      if (signal.aborted) return Promise.reject(signal.reason as Error);
      onProgress('model', 1);
      return Promise.resolve(new EchoModel({ ...infoFor(settings), ...hooks.info }, hooks));
    },
  };
}

function infoFor({ maxLength, maxBatchSize }: LoadSettings): ModelInfo {
  return {
    capabilities: { vision: true },
    contextLength: maxLength ?? DEFAULT_CONTEXT_LENGTH,
    maxBatchSize: maxBatchSize ?? DEFAULT_BATCH_SIZE,
    samplingDefaults: {},
    device: 'none',
  };
}
