import { formatTable } from '../table.ts';
import type { MeasuredRequest, Run } from './run.ts';
import type { Summary } from './statistics.ts';
import { sum, summarize } from './statistics.ts';

/** What a run comes to. Rates a second; latencies in milliseconds, undefined where nothing succeeded. */
export interface Report {
  readonly maxConcurrency: number | undefined;
  readonly durationS: number;
  readonly successful: number;
  readonly failed: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly requestThroughput: number;
  readonly inputThroughput: number;
  readonly outputThroughput: number;
  /** Time to the first token. */
  readonly ttft: Summary | undefined;
  /** Time per output token, after the first. */
  readonly tpot: Summary | undefined;
  /** Time between the pieces of an answer. */
  readonly itl: Summary | undefined;
  /** From a request to the end of its answer. */
  readonly latency: Summary | undefined;
}

const latencies = {
  ttft: 'Time to first token',
  tpot: 'Time per output token',
  itl: 'Inter-token latency',
  latency: 'End-to-end latency',
} as const;

export function reportOf({ maxConcurrency, durationMs, requests }: Run): Report {
  const done = requests.filter(({ error }) => error === undefined);
  const durationS = durationMs / 1000;
  const inputTokens = sum(done.map((request) => request.inputTokens));
  const outputTokens = sum(done.map((request) => request.outputTokens));
  return {
    maxConcurrency,
    durationS,
    successful: done.length,
    failed: requests.length - done.length,
    inputTokens,
    outputTokens,
    requestThroughput: done.length / durationS,
    inputThroughput: inputTokens / durationS,
    outputThroughput: outputTokens / durationS,
    ttft: summarize(done.flatMap(({ ttftMs }) => ttftMs ?? [])),
    tpot: summarize(done.flatMap(tokenTimeOf)),
    itl: summarize(done.flatMap(({ itlMs }) => itlMs)),
    latency: summarize(done.map(({ latencyMs }) => latencyMs)),
  };
}

function tokenTimeOf({ latencyMs, ttftMs, outputTokens }: MeasuredRequest): number[] {
  return ttftMs === undefined || outputTokens < 2 ? [] : [(latencyMs - ttftMs) / (outputTokens - 1)];
}

/** The report as text. */
export function reportText(report: Report): string {
  const { maxConcurrency } = report;
  const counts = [
    ['Concurrency', maxConcurrency === undefined ? 'no limit' : String(maxConcurrency)],
    ['Successful requests', String(report.successful)],
    ['Failed requests', String(report.failed)],
    ['Duration', `${report.durationS.toFixed(2)} s`],
    ['Input tokens', String(report.inputTokens)],
    ['Output tokens', String(report.outputTokens)],
    ['Request throughput', `${report.requestThroughput.toFixed(2)} requests/s`],
    ['Input throughput', `${report.inputThroughput.toFixed(2)} tokens/s`],
    ['Output throughput', `${report.outputThroughput.toFixed(2)} tokens/s`],
  ];
  const header = ['Milliseconds', 'mean', 'std', 'median', 'p90', 'p95', 'p99'];
  const rows = Object.entries(latencies).map(([name, title]) => [
    title,
    ...cellsOf(report[name as keyof typeof latencies]),
  ]);
  return `${formatTable(counts)}\n\n${formatTable([header, ...rows])}`;
}

function cellsOf(summary: Summary | undefined): string[] {
  if (summary === undefined) return Array.from({ length: 6 }, () => '-');
  const { mean, std, median, p90, p95, p99 } = summary;
  return [mean, std, median, p90, p95, p99].map((value) => value.toFixed(2));
}
