import type { Embedding, EmbedRequest } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import { anonymous } from './client-path.ts';
import { required } from './count-tokens.ts';
import type { GenerationRouteOptions } from './generation-route.ts';
import type { JsonCall } from './json-route.ts';
import { inStep } from './traces/trace-requests.ts';

/**
 * The embeddings of the inputs of one request, which has one turn among the others. Throws `unsupported_capability`, and
 * what the backend throws.
 */
export async function embed(
  inputs: readonly EmbedRequest['input'][],
  { model, servedModelName, admission }: GenerationRouteOptions,
  { client, signal, trace }: Pick<JsonCall, 'client' | 'signal' | 'trace'>,
): Promise<Embedding[]> {
  if (model.info.capabilities.embeddings !== true) {
    throw new VserveError('unsupported_capability', 'This model gives no embeddings. Serve one that does.');
  }
  const embedOne = required(model, 'embed');
  const place = admission.join(client);
  try {
    await inStep(trace, 'queue', () => place.toGenerate(signal));
    const embeddings: Embedding[] = [];
    await inStep(trace, 'embed', async () => {
      for (const input of inputs) {
        embeddings.push(await embedOne({ input, cacheSalt: '', client: anonymous(client) }, signal));
      }
    });
    trace?.set({
      'gen_ai.operation.name': 'embeddings',
      'gen_ai.request.model': servedModelName,
      'gen_ai.usage.input_tokens': embeddings.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
    });
    return embeddings;
  } finally {
    place.leave();
  }
}
