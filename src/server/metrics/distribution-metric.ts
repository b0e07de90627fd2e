import { Histogram } from 'prom-client';
import type { Distribution } from '../../backend/index.ts';

export interface DistributionOptions {
  readonly name: string;
  readonly help: string;
  /** Undefined while there is none: the metric has no values then. */
  readonly read: () => Distribution | undefined;
}

/** A histogram whose values were counted elsewhere. It is to be registered. */
export class DistributionMetric extends Histogram {
  readonly #options: DistributionOptions;

  constructor(options: DistributionOptions) {
    super({ name: options.name, help: options.help, registers: [] });
    this.#options = options;
  }

  /** What the registry calls for a scrape: not among prom-client's types. */
  getForPromString() {
    const { name, help, read } = this.#options;
    const distribution = read();
    const values = distribution === undefined ? [] : samplesOf(name, distribution);
    return Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values });
  }
}

/** Prometheus counts in each bucket what is in the smaller ones too. */
export function samplesOf(name: string, { bounds, counts, sum }: Distribution) {
  let total = 0;
  const buckets = counts.map((count, range) => {
    total += count;
    return { labels: { le: bounds[range] ?? '+Inf' }, value: total, metricName: `${name}_bucket` };
  });
  return [
    ...buckets,
    { labels: {}, value: sum, metricName: `${name}_sum` },
    { labels: {}, value: total, metricName: `${name}_count` },
  ];
}
