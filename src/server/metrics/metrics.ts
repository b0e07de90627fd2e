import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { LoadedModel } from '../../backend/index.ts';
import { isCodedError } from '../../errors/index.ts';
import { mediaRejections } from '../../media/index.ts';
import type { MediaRejection, ResolvedImage } from '../../media/index.ts';
import { GenerationMetrics } from './generation-metrics.ts';
import { BackendMetrics } from './backend-metrics.ts';
import { registerModelMetrics } from './model-metrics.ts';
import { TIME_BUCKETS_MS } from './time-buckets.ts';

const MODEL_STATES = ['unloaded', 'loading', 'loaded'] as const;

/** A model that may leave memory. */
interface StatefulModel {
  readonly name: string;
  readonly status: (typeof MODEL_STATES)[number];
  readonly loads: number;
  readonly unloads: number;
}

/** What clients leave with the server. */
interface Store {
  readonly count: number;
  readonly usedBytes: number;
}

/** The server's metrics, named like those of max serve, in Prometheus' text format. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new Counter({
    name: 'maxserve_request_count_total',
    help: 'Requests answered, by HTTP status and route',
    labelNames: ['code', 'path'],
    registers: [this.#registry],
  });
  readonly #images = new Counter({
    name: 'maxserve_media_items_total',
    help: 'Images resolved, by source',
    labelNames: ['media_kind', 'source'],
    registers: [this.#registry],
  });
  readonly #resolveTime = new Histogram({
    name: 'maxserve_media_resolve_time_milliseconds',
    help: 'Time to fetch and decode an image',
    buckets: TIME_BUCKETS_MS,
    registers: [this.#registry],
  });
  readonly #requestTime = new Histogram({
    name: 'maxserve_request_time_milliseconds',
    help: 'Time from a request to the end of its answer, by route',
    labelNames: ['path'],
    buckets: TIME_BUCKETS_MS,
    registers: [this.#registry],
  });
  readonly #loadTime = new Gauge({
    name: 'maxserve_model_load_time_milliseconds',
    help: 'Time to load the model',
    registers: [this.#registry],
  });
  readonly #rejections = new Counter({
    name: 'maxserve_media_rejections_total',
    help: 'Requests rejected because of an image, by reason',
    labelNames: ['reason'],
    registers: [this.#registry],
  });

  readonly generations = new GenerationMetrics(this.#registry);
  readonly #backends = new BackendMetrics(this.#registry);

  constructor() {
    for (const reason of mediaRejections) this.#rejections.inc({ reason }, 0);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  countImage({ source, resolveMs }: ResolvedImage): void {
    this.#images.inc({ media_kind: 'image', source });
    this.#resolveTime.observe(resolveMs);
  }

  /** Adds what a model tells of itself, and `waiting`, the requests that the server holds back from it. */
  addModel(model: Pick<LoadedModel, 'stats' | 'work'>, waiting: () => number): void {
    registerModelMetrics(this.#registry, model, waiting);
  }

  /** Adds where each of several models is, and how often it was loaded. Read at each scrape. */
  addModelStates(models: readonly StatefulModel[]): void {
    const registers = [this.#registry];
    const labelNames = ['model', 'state'] as const;
    const states: Gauge<(typeof labelNames)[number]> = new Gauge({
      name: 'vserve_model_state',
      help: 'Whether a model is in this state: unloaded, loading or loaded',
      labelNames,
      registers,
      collect: () => {
        for (const { name, status } of models) {
          for (const state of MODEL_STATES) states.set({ model: name, state }, state === status ? 1 : 0);
        }
      },
    });
    for (const [key, help] of [
      ['loads', 'How often a model was loaded'],
      ['unloads', 'How often a model has left memory'],
    ] as const) {
      const counter: Counter<'model'> = new Counter({
        name: `vserve_model_${key}_total`,
        help,
        labelNames: ['model'],
        registers,
        collect: () => {
          counter.reset();
          for (const model of models) counter.inc({ model: model.name }, model[key]);
        },
      });
    }
  }

  /** Adds how much is in a store. Read at each scrape. */
  addStore(kind: 'files' | 'responses', store: Store): void {
    const registers = [this.#registry];
    const add = (name: string, help: string, value: () => number): void => {
      const gauge: Gauge = new Gauge({ name, help, registers, collect: () => gauge.set(value()) });
    };
    add(`vserve_stored_${kind}`, `Stored ${kind}`, () => store.count);
    add(`vserve_stored_${kind}_bytes`, `Memory of stored ${kind}`, () => store.usedBytes);
  }

  /** How long the last model took to load; undefined if that is not known. */
  setLoadTime(loadMs: number | undefined): void {
    if (loadMs !== undefined) this.#loadTime.set(loadMs);
  }

  /** Adds what a backend measures itself, with further labels where there are several models. */
  addBackend(model: LoadedModel, labels: Readonly<Record<string, string>>): void {
    this.#backends.add(model, labels);
  }

  /** A model has left memory. */
  removeBackend(model: LoadedModel): void {
    this.#backends.remove(model);
  }

  /** Times a request whose answer has ended. `path` is the name of a route. */
  countEnd(path: string, ms: number): void {
    this.#requestTime.observe({ path }, ms);
  }

  /** Counts a response that has started, and the reason if it is an error. `path` is the name of a route. */
  countRequest(code: number, path: string, error: unknown): void {
    this.#requests.inc({ code, path });
    if (isCodedError(error) && isMediaRejection(error.code)) this.#rejections.inc({ reason: error.code });
  }

  /** All metrics in the format of a scrape. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

function isMediaRejection(code: string): code is MediaRejection {
  return (mediaRejections as readonly string[]).includes(code);
}
