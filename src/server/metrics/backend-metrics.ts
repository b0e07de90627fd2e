import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { BackendMetric, LoadedModel, MetricSample } from '../../backend/index.ts';
import { samplesOf } from './distribution-metric.ts';

/** A metric of the backend's, read at each scrape. It is to be registered. */
class ForeignMetric extends Gauge {
  readonly #read: () => BackendMetric | undefined;

  constructor({ name, help }: BackendMetric, read: () => BackendMetric | undefined) {
    super({ name, help, registers: [] });
    this.#read = read;
  }

  /** What the registry calls for a scrape: not among prom-client's types. */
  getForPromString() {
    const { name, help, type = 'gauge', samples = [] } = this.#read() ?? { name: '', help: '' };
    return Promise.resolve({ name, help, type, aggregator: 'sum', values: samples.flatMap((one) => valuesOf(name, one)) });
  }
}

function valuesOf(name: string, { labels, value }: MetricSample) {
  if (typeof value === 'number') return [{ labels, value }];
  return samplesOf(name, value).map((sample) => ({ ...sample, labels: { ...labels, ...sample.labels } }));
}

/** Registers what a backend measures itself. */
export function registerBackendMetrics(registry: Registry, model: LoadedModel): void {
  for (const metric of model.metrics?.() ?? []) {
    const read = (): BackendMetric | undefined => model.metrics?.().find(({ name }) => name === metric.name);
    registry.registerMetric(new ForeignMetric(metric, read));
  }
}
