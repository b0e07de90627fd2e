import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { BackendMetric, LoadedModel, MetricSample } from '../../backend/index.ts';
import { samplesOf } from './distribution-metric.ts';

/** What backends measure themselves, of all models in memory. */
export class BackendMetrics {
  readonly #registry: Registry;
  /** With the labels that tell it from the others. */
  readonly #models = new Map<LoadedModel, Readonly<Record<string, string>>>();
  readonly #names = new Set<string>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  add(model: LoadedModel, labels: Readonly<Record<string, string>>): void {
    this.#models.set(model, labels);
    for (const metric of model.metrics?.() ?? []) {
      if (this.#names.has(metric.name)) continue;
      this.#names.add(metric.name);
      this.#registry.registerMetric(new ForeignMetric(metric, () => this.#samplesOf(metric.name)));
    }
  }

  remove(model: LoadedModel): void {
    this.#models.delete(model);
  }

  #samplesOf(name: string): MetricSample[] {
    return [...this.#models].flatMap(([model, more]) => {
      const metric = model.metrics?.().find((one) => one.name === name);
      return (metric?.samples ?? []).map(({ labels, value }) => ({ labels: { ...more, ...labels }, value }));
    });
  }
}

/** A metric that is read at each scrape. It is to be registered. */
class ForeignMetric extends Gauge {
  readonly #declared: BackendMetric;
  readonly #read: () => readonly MetricSample[];

  constructor(declared: BackendMetric, read: () => readonly MetricSample[]) {
    super({ name: declared.name, help: declared.help, registers: [] });
    this.#declared = declared;
    this.#read = read;
  }

  /** What the registry calls for a scrape: not among prom-client's types. */
  getForPromString() {
    const { name, help, type } = this.#declared;
    const values = this.#read().flatMap((sample) => valuesOf(name, sample));
    return Promise.resolve({ name, help, type, aggregator: 'sum', values });
  }
}

interface Value {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

function valuesOf(name: string, { labels, value }: MetricSample): Value[] {
  if (typeof value === 'number') return [{ labels, value }];
  return samplesOf(name, value).map((sample) => ({ ...sample, labels: { ...labels, ...sample.labels } }));
}
