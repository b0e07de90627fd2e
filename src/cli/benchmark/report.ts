import { formatNamedTable, formatTable } from '../table.ts';
import type { MeasuredRequest, Run } from './run.ts';
import type { Summary } from './statistics.ts';
import { sum, summarize } from './statistics.ts';

/** Which requests of a run count. */
export interface Counted {
  /** How many of those sent first, and of those sent last, do not. */
  readonly skipFirst: number;
  readonly skipLast: number;
  /** Whether the first turns of conversations do not. */
  readonly ignoreFirstTurns: boolean;
}

const all: Counted = { skipFirst: 0, skipLast: 0, ignoreFirstTurns: false };

/** What a run comes to. Rates a second; latencies in milliseconds, undefined where nothing succeeded. */
export interface Report {
  readonly maxConcurrency: number | undefined;
  /** Undefined without a limit. */
  readonly requestRate: number | undefined;
  readonly durationS: number;
  readonly successful: number;
  readonly failed: number;
  /** Requests that do not count. */
  readonly skipped: number;
  readonly conversations: number;
  readonly inputTokens: number;
  /** Undefined where the server does not say. */
  readonly cachedTokens: number | undefined;
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

export function reportOf(run: Run, counted: Counted = all): Report {
  const { maxConcurrency, requestRate } = run;
  const requests = countedOf(run.requests, counted);
  const done = requests.filter(({ error }) => error === undefined);
  const skipped = run.requests.length - requests.length;
  const durationS = (skipped === 0 ? run.durationMs : spanOf(requests)) / 1000;
  const inputTokens = sum(done.map((request) => request.inputTokens));
  const outputTokens = sum(done.map((request) => request.outputTokens));
  const cached = done.flatMap(({ cachedTokens }) => cachedTokens ?? []);
  return {
    maxConcurrency,
    requestRate: requestRate === Infinity ? undefined : requestRate,
    durationS,
    successful: done.length,
    failed: requests.length - done.length,
    skipped,
    conversations: new Set(requests.map(({ conversation }) => conversation)).size,
    inputTokens,
    cachedTokens: cached.length === 0 ? undefined : sum(cached),
    outputTokens,
    requestThroughput: rate(done.length, durationS),
    inputThroughput: rate(inputTokens, durationS),
    outputThroughput: rate(outputTokens, durationS),
    ttft: summarize(done.flatMap(({ ttftMs }) => ttftMs ?? [])),
    tpot: summarize(done.flatMap(tokenTimeOf)),
    itl: summarize(done.flatMap(({ itlMs }) => itlMs)),
    latency: summarize(done.map(({ latencyMs }) => latencyMs)),
  };
}

function rate(count: number, seconds: number): number {
  return seconds === 0 ? 0 : count / seconds;
}

function countedOf(
  requests: readonly MeasuredRequest[],
  { skipFirst, skipLast, ignoreFirstTurns }: Counted,
): readonly MeasuredRequest[] {
  return requests
    .toSorted((a, b) => a.sentMs - b.sentMs)
    .slice(skipFirst, Math.max(skipFirst, requests.length - skipLast))
    .filter(({ turn }) => !ignoreFirstTurns || turn > 0);
}

/** From the first request to the end of the last answer, in milliseconds. */
function spanOf(requests: readonly MeasuredRequest[]): number {
  const ends = requests.map(({ sentMs, latencyMs }) => sentMs + latencyMs);
  return requests.length === 0 ? 0 : Math.max(...ends) - Math.min(...requests.map(({ sentMs }) => sentMs));
}

function tokenTimeOf({ latencyMs, ttftMs, outputTokens }: MeasuredRequest): number[] {
  return ttftMs === undefined || outputTokens < 2 ? [] : [(latencyMs - ttftMs) / (outputTokens - 1)];
}

/** The report as text, in lines of `columns` characters where it can be. */
export function reportText(report: Report, columns = Infinity): string {
  const { maxConcurrency, requestRate, skipped, conversations, cachedTokens } = report;
  const hasTurns = conversations < report.successful + report.failed;
  const counts = [
    ['Concurrency', maxConcurrency === undefined ? 'no limit' : String(maxConcurrency)],
    ...(requestRate === undefined ? [] : [['Request rate', `${requestRate} a second`]]),
    ...(hasTurns ? [['Conversations', String(conversations)]] : []),
    ...(skipped === 0 ? [] : [['Requests left out', String(skipped)]]),
    ['Successful requests', String(report.successful)],
    ['Failed requests', String(report.failed)],
    ['Duration', `${report.durationS.toFixed(2)} s`],
    ['Input tokens', String(report.inputTokens)],
    ...(cachedTokens === undefined ? [] : [['Cached of these', String(cachedTokens)]]),
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
  return `${formatTable(counts)}\n\n${formatNamedTable([header, ...rows], columns)}`;
}

function cellsOf(summary: Summary | undefined): string[] {
  if (summary === undefined) return Array.from({ length: 6 }, () => '-');
  const { mean, std, median, p90, p95, p99 } = summary;
  return [mean, std, median, p90, p95, p99].map((value) => value.toFixed(2));
}
