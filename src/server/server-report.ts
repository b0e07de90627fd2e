import type { LoadedModel } from '../backend/index.ts';
import type { RunningRequests } from './running-requests.ts';

const MIB = 1024 * 1024;

export interface Reported {
  readonly model: LoadedModel;
  readonly servedModelName: string;
  /** Requests that wait for their turn. */
  readonly waiting: number;
  readonly running: RunningRequests;
}

/** What a server is doing, in lines: its model, how long it has run, memory, the cache, and the requests it answers. */
export function serverReport({ model, servedModelName, waiting, running }: Reported): string {
  const { contextLength, maxBatchSize, device } = model.info;
  const { sequencesRunning, sequencesQueued } = model.stats();
  const work = model.work?.();
  const { lines } = running;
  return [
    `${servedModelName} on ${device}, for ${String(Math.round(process.uptime()))} s`,
    `Sequences: ${String(sequencesRunning)} of ${String(maxBatchSize)} running, ${String(sequencesQueued + waiting)} waiting; context ${String(contextLength)} tokens`,
    ...(work === undefined
      ? []
      : [
          `So far: ${String(work.promptTokens)} prompt tokens computed, ${String(work.encodes)} images encoded and ${String(work.knownImages)} cached, ${String(work.preemptions)} preemptions`,
          `KV cache: ${String(work.cachedTokens)} tokens`,
        ]),
    `Memory: ${String(Math.round(process.memoryUsage.rss() / MIB))} MiB resident`,
    `Requests: ${lines.length === 0 ? 'none' : String(lines.length)}`,
    ...lines.map((line) => `  ${line}`),
  ].join('\n');
}
