import type { Distribution } from './model-work.ts';

/** A metric of a backend's own, in Prometheus' terms. */
export interface BackendMetric {
  /** Begins with `vserve_`. */
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly samples: readonly MetricSample[];
}

export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  /** A distribution for a histogram. */
  readonly value: number | Distribution;
}
