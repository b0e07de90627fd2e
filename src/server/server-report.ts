import type { LoadedModel } from '../backend/index.ts';
import type { RunningRequests } from './running-requests.ts';

const MIB = 1024 * 1024;

export interface ReportedModel {
  readonly model: LoadedModel;
  readonly servedModelName: string;
  /** Requests that wait for their turn. */
  readonly waiting: number;
}

/** What a server is doing, in lines: its models in memory, how long it has run, memory, caches, and the requests it answers. */
export function serverReport(models: readonly ReportedModel[], running: RunningRequests): string {
  const { lines } = running;
  return [
    ...(models.length === 0 ? ['No model is in memory.'] : models.flatMap(modelLines)),
    `Memory: ${String(Math.round(process.memoryUsage.rss() / MIB))} MiB resident`,
    `Requests: ${lines.length === 0 ? 'none' : String(lines.length)}`,
    ...lines.map((line) => `  ${line}`),
  ].join('\n');
}

function modelLines({ model, servedModelName, waiting }: ReportedModel): string[] {
  const { contextLength, maxBatchSize, device } = model.info;
  const { sequencesRunning, sequencesQueued } = model.stats();
  const work = model.work?.();
  return [
    `${servedModelName} on ${device}, for ${String(Math.round(process.uptime()))} s`,
    `Sequences: ${String(sequencesRunning)} of ${String(maxBatchSize)} running, ${String(sequencesQueued + waiting)} waiting; context ${String(contextLength)} tokens`,
    ...(work === undefined
      ? []
      : [
          `So far: ${String(work.promptTokens)} prompt tokens computed, ${String(work.encodes)} images encoded and ${String(work.knownImages)} cached, ${String(work.preemptions)} preemptions`,
          `KV cache: ${String(work.cachedTokens)} tokens`,
        ]),
  ];
}
