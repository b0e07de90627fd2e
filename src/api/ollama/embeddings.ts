import type { Embedding } from '../../backend/index.ts';
import { invalid } from '../request/invalid-request.ts';
import type { OllamaEmbedRequest } from './embed-request.ts';
import { nanoseconds } from './metrics.ts';

/** `/api/embed`: vectors of unit length. */
export interface EmbedJson {
  readonly model: string;
  readonly embeddings: readonly (readonly number[])[];
  readonly total_duration: number;
  readonly load_duration: number;
  readonly prompt_eval_count: number;
}

export function embedJson(
  { givenModel, dimensions }: OllamaEmbedRequest,
  embeddings: readonly Embedding[],
  totalMs: number,
): EmbedJson {
  return {
    model: givenModel,
    embeddings: embeddings.map(({ vector }) => shortened(vector, dimensions)),
    total_duration: nanoseconds(totalMs),
    load_duration: 0,
    prompt_eval_count: embeddings.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
  };
}

/** The first dimensions, of unit length again. Throws `invalid_request` for more than there are. */
function shortened(vector: Float32Array, dimensions: number | undefined): number[] {
  if (dimensions === undefined) return [...vector];
  if (dimensions > vector.length) {
    const message = `dimensions must be at most ${String(vector.length)}, which is what this model has.`;
    throw invalid('dimensions', message);
  }
  const first = [...vector.subarray(0, dimensions)];
  const length = Math.hypot(...first);
  return length === 0 ? first : first.map((value) => value / length);
}
