import { VserveError } from '../errors/index.ts';
import type { Endpoint } from './endpoint.ts';
import { send } from './send.ts';

interface ModelList {
  readonly data?: readonly { readonly id?: unknown }[];
}

/** The name of the first model of a server. Throws what `send` throws, and `model_not_found` if it lists none. */
export async function servedModel(endpoint: Endpoint, signal: AbortSignal): Promise<string> {
  const { body } = await send(endpoint, '/models', { signal });
  const list = (await body.json().catch(() => ({}))) as ModelList;
  const id = list.data?.[0]?.id;
  if (typeof id === 'string') return id;
  throw new VserveError('model_not_found', `${endpoint.name} lists no model. Name one with --model.`);
}
