import { VserveError } from '../errors/index.ts';
import type { Endpoint } from './endpoint.ts';
import { send } from './send.ts';

interface ListedModel {
  readonly id?: unknown;
  readonly architecture?: { readonly projector?: unknown } | null;
}

/** The name of the first model of a server. Throws what `send` throws, and `model_not_found` if it lists none. */
export async function servedModel(endpoint: Endpoint, signal: AbortSignal): Promise<string> {
  const [first] = await listModels(endpoint, signal);
  if (typeof first?.id === 'string') return first.id;
  throw new VserveError('model_not_found', `${endpoint.name} lists no model. Name one with --model.`);
}

/** The kind of a model's vision projector (`gemma4v`); undefined where the server does not tell it. Throws what `send` throws. */
export async function servedProjector(
  endpoint: Endpoint,
  model: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const models = await listModels(endpoint, signal);
  const projector = (models.find(({ id }) => id === model) ?? models[0])?.architecture?.projector;
  return typeof projector === 'string' ? projector : undefined;
}

async function listModels(endpoint: Endpoint, signal: AbortSignal): Promise<readonly ListedModel[]> {
  const { body } = await send(endpoint, '/models', { signal });
  const list = (await body.json().catch(() => ({}))) as { readonly data?: readonly ListedModel[] };
  return list.data ?? [];
}
