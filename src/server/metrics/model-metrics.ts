import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { Distribution, LoadedModel, ModelWork } from '../../backend/index.ts';
import { DistributionMetric } from './distribution-metric.ts';

type Count = Exclude<keyof ModelWork, 'stepMs' | 'stepSequences' | 'cachedTokens' | 'copiedBytes'>;
type Spread = {
  readonly [Name in keyof ModelWork]: ModelWork[Name] extends Distribution ? Name : never;
}[keyof ModelWork];

interface Named {
  readonly name: string;
  readonly help: string;
}

const counters: Readonly<Record<Count, Named>> = {
  promptTokens: { name: 'vserve_prompt_tokens_computed_total', help: 'Prompt tokens computed, without cached ones' },
  forcedTokens: {
    name: 'vserve_forced_tokens_total',
    help: 'Tokens of answers that a format left no choice about, and that cost no step',
  },
  preemptions: { name: 'vserve_preemptions_total', help: 'Requests put back, to be computed again' },
  encodes: { name: 'maxserve_vision_images_encoded_images_total', help: 'Images, or tiles, that the encoder computed' },
  encodedTokens: { name: 'maxserve_vision_tokens_encoded_tokens_total', help: 'Tokens of encoded images' },
  knownImages: {
    name: 'maxserve_vision_images_cached_images_total',
    help: 'Images in prompts whose encoded form was cached',
  },
};

const distributions: Readonly<Record<Spread, Named>> = {
  stepMs: { name: 'maxserve_batch_execution_time_milliseconds', help: 'Time of a step of the model' },
  stepSequences: { name: 'maxserve_batch_size', help: 'Sequences in a step of the model' },
};

/** Registers what a model and the queue before it tell of themselves. All of it is read at each scrape, and only then. */
export function registerModelMetrics(
  registry: Registry,
  model: Pick<LoadedModel, 'stats' | 'work'>,
  waiting: () => number,
): void {
  const gauge = (name: string, help: string, read: () => number | undefined): void => {
    const metric: Gauge = new Gauge({ name, help, registers: [registry], collect: () => metric.set(read() ?? 0) });
  };
  gauge('maxserve_num_requests_running', 'Requests that the model computes', () => model.stats().sequencesRunning);
  gauge(
    'maxserve_num_requests_queued',
    'Requests that wait for a place',
    () => model.stats().sequencesQueued + waiting(),
  );
  if (model.work === undefined) return;
  const work = (): ModelWork | undefined => model.work?.();
  gauge('maxserve_cache_num_used_blocks', 'Tokens in the KV cache; a block is one', () => work()?.cachedTokens);
  gauge(
    'vserve_cache_copies_bytes',
    'Memory of KV cells that are kept beside the KV cache, for prompts that may come again',
    () => work()?.copiedBytes,
  );
  gauge('maxserve_vision_cache_hit_rate_percent', 'Images in prompts whose encoded form was cached', () =>
    hitRate(work()),
  );
  for (const [key, { name, help }] of Object.entries(counters) as [Count, Named][]) {
    const metric: Counter = new Counter({
      name,
      help,
      registers: [registry],
      collect: () => {
        metric.reset();
        metric.inc(work()?.[key] ?? 0);
      },
    });
  }
  for (const [key, named] of Object.entries(distributions) as [Spread, Named][]) {
    registry.registerMetric(new DistributionMetric({ ...named, read: () => work()?.[key] }));
  }
}

function hitRate(work: ModelWork | undefined): number | undefined {
  if (work === undefined || work.knownImages + work.encodes === 0) return undefined;
  return (100 * work.knownImages) / (work.knownImages + work.encodes);
}
