import type { BackendMetric, MetricSample } from '../../src/backend/index.ts';
import type { Upstream } from './upstream.ts';
import { failureReasons } from './upstream-failure.ts';
import type { UpstreamGroup } from './upstream-group.ts';

const CIRCUIT_STATES: Readonly<Record<string, number>> = { closed: 0, 'half-open': 1, open: 2 };

/** What is told of each upstream at /metrics. */
export function upstreamMetrics(group: UpstreamGroup): readonly BackendMetric[] {
  const each = (value: (upstream: Upstream) => MetricSample['value']): MetricSample[] =>
    group.all.map((upstream) => ({ labels: { upstream: upstream.id }, value: value(upstream) }));
  return [
    {
      name: 'vserve_upstream_up',
      help: 'Whether the upstream answers: 1 or 0',
      type: 'gauge',
      samples: each(({ isUp }) => (isUp ? 1 : 0)),
    },
    {
      name: 'vserve_upstream_circuit_state',
      help: 'Circuit of the upstream: 0 closed, 1 half-open, 2 open',
      type: 'gauge',
      samples: each(({ circuitState }) => CIRCUIT_STATES[circuitState] ?? 0),
    },
    {
      name: 'vserve_upstream_capacity',
      help: 'Requests that the upstream computes at a time',
      type: 'gauge',
      samples: each(({ capacity }) => capacity),
    },
    {
      name: 'vserve_upstream_requests_running',
      help: 'Requests that the upstream has',
      type: 'gauge',
      samples: each(({ inFlight }) => inFlight),
    },
    {
      name: 'vserve_upstream_requests_waiting',
      help: 'Requests that wait for room at any upstream',
      type: 'gauge',
      samples: [{ labels: {}, value: group.waiting }],
    },
    {
      name: 'vserve_upstream_requests_total',
      help: 'Requests that were given to the upstream',
      type: 'counter',
      samples: each(({ requests }) => requests),
    },
    {
      name: 'vserve_upstream_failures_total',
      help: 'Of those, the ones that failed, by reason',
      type: 'counter',
      samples: group.all.flatMap((upstream) =>
        failureReasons.map((reason) => ({
          labels: { upstream: upstream.id, reason },
          value: upstream.failures.get(reason) ?? 0,
        })),
      ),
    },
    {
      name: 'vserve_upstream_time_to_first_token_milliseconds',
      help: 'Time from the turn of a request to the first token of the upstream',
      type: 'histogram',
      samples: each(({ firstTokenTime }) => firstTokenTime.distribution),
    },
  ];
}
