import type { Embedding } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import { anonymous } from './client-path.ts';
import { required } from './count-tokens.ts';
import type { GenerationRouteOptions } from './generation-route.ts';
import type { JsonCall } from './json-route.ts';

/**
 * The embeddings of the texts of one request, which has one turn among the others. Throws `unsupported_capability`, and
 * what the backend throws.
 */
export async function embedTexts(
  texts: readonly string[],
  { model, admission }: GenerationRouteOptions,
  { client, signal }: Pick<JsonCall, 'client' | 'signal'>,
): Promise<Embedding[]> {
  if (model.info.capabilities.embeddings !== true) {
    throw new VserveError('unsupported_capability', 'This model gives no embeddings. Serve one that does.');
  }
  const embedOne = required(model, 'embed');
  const place = admission.join(client);
  try {
    await place.toGenerate(signal);
    const embeddings: Embedding[] = [];
    for (const text of texts) {
      const input = [{ type: 'text' as const, text }];
      embeddings.push(await embedOne({ input, cacheSalt: '', client: anonymous(client) }, signal));
    }
    return embeddings;
  } finally {
    place.leave();
  }
}
