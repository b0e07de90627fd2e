import { isJsonObject } from '../api/index.ts';
import { durationMs } from '../formats/duration.ts';
import type { ClientPath } from './fair-turns.ts';
import type { ModelEntry, ModelLease } from './models/model-entry.ts';
import { atCapacity } from './request-counts.ts';
import type { GenerationRouteOptions, RouteOptions } from './route-options.ts';

/** The model that a body names, in any format, before anything else of it is read. Ollama's older name is `name`. */
export function modelNameIn(body: unknown): string | undefined {
  if (!isJsonObject(body)) return undefined;
  const { model, name } = body;
  if (typeof model === 'string') return model;
  return typeof name === 'string' ? name : undefined;
}

/** How long the model of a request is to stay in memory after it, in milliseconds, where it says so and may. */
export function keepAliveIn(body: unknown, { models }: RouteOptions): number | undefined {
  if (!models.isManaged || !isJsonObject(body)) return undefined;
  return durationMs(body['keep_alive']);
}

/**
 * A lease of a model: at once if it is in memory, else once it is loaded. Throws `at_capacity` if too many requests wait for
 * it already, what loading throws, and the signal's reason.
 */
export async function leaseOf(
  entry: ModelEntry<GenerationRouteOptions>,
  { models, counts, settings }: RouteOptions,
  client: ClientPath,
  signal: AbortSignal,
): Promise<ModelLease<GenerationRouteOptions>> {
  const lease = models.take(entry);
  if (lease !== undefined) return lease;
  const most = (settings.maxQueueSize ?? Infinity) + (entry.info?.maxBatchSize ?? 1);
  if (counts.isFull || entry.waiters.size >= most) throw atCapacity();
  // How long a model takes to load is not known.
  counts.requireRoomFor(client, () => 1);
  counts.add(client, 1);
  try {
    return await models.acquire(entry, signal);
  } finally {
    counts.add(client, -1);
  }
}
