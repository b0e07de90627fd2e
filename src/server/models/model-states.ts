import type { ListedModel, ModelState, ServedModel } from '../../api/index.ts';
import type { ModelInfo } from '../../backend/index.ts';
import type { ActiveBase, ModelEntry } from './model-entry.ts';
import type { ServedModels } from './served-models.ts';

/** What a model tells of itself, whatever its requests use of it. */
type Told = Pick<
  ModelEntry<ActiveBase>,
  'name' | 'info' | 'since' | 'status' | 'progress' | 'failure' | 'expiresAt' | 'keepAliveMs' | 'source' | 'loaded'
>;

/** Of a model that was never in memory: it refuses nothing. */
const UNKNOWN: ModelInfo = {
  capabilities: { vision: true, reasoning: true },
  contextLength: Number.MAX_SAFE_INTEGER,
  maxBatchSize: 1,
  samplingDefaults: {},
  device: 'none',
};

/** A model for a request that does not need it in memory. */
export function servedModelOf({ name, info = UNKNOWN, since }: Told): ServedModel {
  return { name, info, since, isManaged: true };
}

/** The models of a server and their adapters, for its lists. Where they come and go, with their states. */
export function listedModels<Active extends ActiveBase>(models: ServedModels<Active>): readonly ListedModel[] {
  const listed = models.entries.map((entry) => listedModel(entry, models.isManaged));
  return [...listed, ...models.entries.flatMap((entry) => listedAdapters(entry, models.isManaged))];
}

/** The LoRA adapters of a model: those in memory, or else those that will be loaded with it. */
export function listedAdapters(entry: Told, isManaged: boolean): readonly ListedModel[] {
  const { name: parent, info, since, source, loaded } = entry;
  const state = isManaged ? { state: stateOf(entry) } : {};
  const inMemory = loaded?.active.adapters?.listed();
  if (inMemory !== undefined) return inMemory.map((adapter) => ({ ...adapter, ...state }));
  return (source.adapters ?? []).map(({ name, path: root }) => ({
    name,
    info,
    since,
    adapter: { root, parent },
    ...state,
  }));
}

export function listedModel(entry: Told, isManaged: boolean): ListedModel {
  const { name, info, since } = entry;
  return { name, info, since, ...(isManaged ? { state: stateOf(entry) } : {}) };
}

function stateOf(entry: Told): ModelState {
  const { status, progress, failure, expiresAt, keepAliveMs } = entry;
  const expires = expiresAt ?? (keepAliveMs === Infinity ? undefined : new Date(Date.now() + keepAliveMs));
  return {
    status,
    ...(status === 'loading' && progress !== undefined ? { progress } : {}),
    ...(status === 'unloaded' && failure !== undefined ? { hasFailed: true } : {}),
    ...(status === 'loaded' && expires !== undefined ? { expiresAt: expires } : {}),
  };
}
