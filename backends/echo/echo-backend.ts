import type { Backend, LoadSettings, ModelInfo } from '../../src/backend/index.ts';
import { specificationVersion } from '../../src/backend/index.ts';
import type { EchoHooks } from './echo-hooks.ts';
import { EchoModel } from './echo-model.ts';

const DEFAULT_CONTEXT_LENGTH = 8192;
const DEFAULT_BATCH_SIZE = 8;

/** Creates an echo backend. The files it is given are ignored. */
export function createEchoBackend(hooks: EchoHooks = {}): Backend {
  return {
    name: 'echo',
    specificationVersion,
    needsNoModel: true,
    load(_files, settings, { signal, onProgress }) {
      if (signal.aborted) return Promise.reject(signal.reason as Error);
      onProgress('model', 1);
      return Promise.resolve(new EchoModel({ ...infoFor(settings), ...hooks.info }, hooks));
    },
  };
}

function infoFor({ maxLength, maxBatchSize }: LoadSettings): ModelInfo {
  return {
    capabilities: { vision: true, embeddings: true, rawPrompts: true, ignoreEos: true, prefill: true },
    contextLength: maxLength ?? DEFAULT_CONTEXT_LENGTH,
    maxBatchSize: maxBatchSize ?? DEFAULT_BATCH_SIZE,
    samplingDefaults: {},
    device: 'none',
  };
}
