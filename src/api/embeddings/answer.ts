import { endianness } from 'node:os';
import type { Embedding } from '../../backend/index.ts';
import { invalid } from '../request/invalid-request.ts';
import type { EmbeddingForm } from './embedding-request.ts';

interface EmbeddingJson {
  readonly object: 'embedding';
  readonly index: number;
  /** Numbers, or their 32-bit floats, little-endian, in base64. */
  readonly embedding: readonly number[] | string;
}

/** OpenAI's list of embeddings. */
export interface EmbeddingListJson {
  readonly object: 'list';
  readonly data: readonly EmbeddingJson[];
  readonly model: string;
  readonly usage: { readonly prompt_tokens: number; readonly total_tokens: number };
}

/** Throws `invalid_request` for more dimensions than the model has. */
export function embeddingsJson(
  embeddings: readonly Embedding[],
  model: string,
  { encoding, dimensions }: EmbeddingForm,
): EmbeddingListJson {
  const promptTokens = embeddings.reduce((sum, embedding) => sum + embedding.promptTokens, 0);
  return {
    object: 'list',
    data: embeddings.map((embedding, index) => {
      const vector = shortened(embedding.vector, dimensions);
      return { object: 'embedding', index, embedding: encoding === 'float' ? [...vector] : base64(vector) };
    }),
    model,
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  };
}

/** The first dimensions, again of unit length: right for models that were trained so that these say the most. */
function shortened(vector: Float32Array, dimensions = vector.length): Float32Array {
  if (dimensions > vector.length) {
    throw invalid(
      'dimensions',
      `dimensions must be at most ${String(vector.length)}, the model's, not ${String(dimensions)}.`,
    );
  }
  if (dimensions === vector.length) return vector;
  const first = vector.subarray(0, dimensions);
  const length = Math.hypot(...first);
  return length === 0 ? first : first.map((value) => value / length);
}

function base64(vector: Float32Array): string {
  const bytes = Buffer.from(Float32Array.from(vector).buffer);
  return (endianness() === 'LE' ? bytes : bytes.swap32()).toString('base64');
}
