import { Adapters } from '../adapters.ts';
import { Admission } from '../admission.ts';
import type { GenerationRouteOptions, SharedOptions } from '../route-options.ts';
import { withSamplingDefaults } from '../sampling-defaults.ts';
import { Slots } from '../slots.ts';
import { warmUpModel } from '../warm-up.ts';
import type { ModelSource } from './model-source.ts';
import type { ModelTotals } from './model-totals.ts';
import { ServedModels } from './served-models.ts';
import type { PullModel } from './served-models.ts';

export interface ModelsOptions {
  /** At least one, of different names. */
  readonly sources: readonly ModelSource[];
  /** How long a model stays in memory without requests; `Infinity` for as long as there is room. */
  readonly keepAliveMs: number;
  /** Most models in memory at a time; undefined for as many as there is room for. */
  readonly maxLoaded?: number | undefined;
  /** Adds models that clients ask for; absent, nobody can. */
  readonly pull?: PullModel | undefined;
  /** False for the one model of a server, which stays in memory. */
  readonly isManaged?: boolean;
}

/** The models of a server, each with a queue of its own, none in memory yet. `totals` outlast them. */
export function openModels(
  shared: SharedOptions,
  { sources, keepAliveMs, maxLoaded, pull, isManaged = true }: ModelsOptions,
  totals: ModelTotals,
): ServedModels<GenerationRouteOptions> {
  const { settings, counts, metrics, log } = shared;
  const models: ServedModels<GenerationRouteOptions> = new ServedModels(sources, {
    keepAliveMs,
    maxLoaded,
    isManaged,
    pull,
    log,
    onUnload({ model }) {
      totals.retire(model);
      metrics.removeBackend(model);
    },
    // Not before: it would take a CPU from what the model was loaded for.
    onFirstRest: ({ model }) => void warmUpModel(model, log),
    activate({ name, samplingDefaults }, { model: loaded, loadMs, adapters }) {
      const model = withSamplingDefaults(loaded, samplingDefaults);
      const { maxBatchSize } = model.info;
      const names = models.namesOf(name);
      metrics.setLoadTime(loadMs);
      metrics.addBackend(model, sources.length === 1 ? {} : { model: name });
      return {
        ...shared,
        model,
        served: { name, info: model.info, since: new Date(), isManaged },
        servedModelName: name,
        adapters: adapters && new Adapters(model, name, adapters),
        // With several, Ollama's tag says nothing more.
        names: sources.length === 1 ? names : names.flatMap((own) => [own, `${own}:latest`]),
        admission: new Admission({
          maxBatchSize: () => model.capacity?.() ?? maxBatchSize,
          maxQueueSize: settings.maxQueueSize,
          counts,
        }),
        slots: settings.slots ? new Slots(maxBatchSize) : undefined,
      };
    },
  });
  return models;
}
