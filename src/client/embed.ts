import { VserveError } from '../errors/index.ts';
import type { Endpoint } from './endpoint.ts';
import { send } from './send.ts';

/** A vector, and the tokens of the text behind it. */
export interface EmbeddingAnswer {
  readonly embedding: readonly number[];
  readonly promptTokens: number | undefined;
}

interface EmbeddingBody {
  readonly data?: readonly { readonly embedding?: readonly number[] }[];
  readonly usage?: { readonly prompt_tokens?: number };
}

/** Asks for the embedding of a text. Throws what `send` throws, and `server_unreachable` for an answer without one. */
export async function embed(
  endpoint: Endpoint,
  { model, input }: { readonly model: string; readonly input: string },
  signal: AbortSignal,
): Promise<EmbeddingAnswer> {
  const request = { body: { model, input, encoding_format: 'float' }, signal };
  const { body } = await send(endpoint, '/embeddings', request);
  const { data, usage } = (await body.json()) as EmbeddingBody;
  const embedding = data?.[0]?.embedding;
  if (embedding !== undefined) return { embedding, promptTokens: usage?.prompt_tokens };
  throw new VserveError('server_unreachable', `${endpoint.name} answered without an embedding.`);
}
