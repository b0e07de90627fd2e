import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { BackendMetric, LoadedModel, MetricSample } from '../../backend/index.ts';
import { samplesOf } from './distribution-metric.ts';

/** A metric of the backend's, read at each scrape. It is to be registered. */
class ForeignMetric extends Gauge {
  readonly #declared: BackendMetric;
  readonly #read: () => BackendMetric | undefined;

  constructor(declared: BackendMetric, read: () => BackendMetric | undefined) {
    super({ name: declared.name, help: declared.help, registers: [] });
    this.#declared = declared;
    this.#read = read;
  }

  /** What the registry calls for a scrape: not among prom-client's types. */
  getForPromString() {
    const { name, help, type } = this.#declared;
    const values = (this.#read()?.samples ?? []).flatMap((sample) => valuesOf(name, sample));
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

/** Registers what a backend measures itself. */
export function registerBackendMetrics(registry: Registry, model: LoadedModel): void {
  for (const metric of model.metrics?.() ?? []) {
    const read = (): BackendMetric | undefined => model.metrics?.().find(({ name }) => name === metric.name);
    registry.registerMetric(new ForeignMetric(metric, read));
  }
}
