import type { EmbeddingPooling } from '../../src/backend/index.ts';
import type { GgufHeader } from '../../src/gguf/read-header.ts';

/** Architectures, by llama.cpp's names, whose tokens attend to all others: they cannot generate. */
const bidirectional: ReadonlySet<string> = new Set([
  'bert',
  'eurobert',
  'gemma-embedding',
  'jina-bert-v2',
  'jina-bert-v3',
  'llama-embed',
  'modern-bert',
  'neo-bert',
  'nomic-bert',
  'nomic-bert-moe',
]);

/** By llama.cpp's numbers. */
const poolings: ReadonlyMap<unknown, EmbeddingPooling> = new Map([
  [1, 'mean'],
  [2, 'cls'],
  [3, 'last'],
]);

/** What a model file says about embeddings. */
export interface EmbeddingTraits {
  /** Each token attends only to those before it. */
  readonly isCausal: boolean;
  /** How the model's vectors are pooled; undefined where it was not trained to embed. */
  readonly pooling: EmbeddingPooling | undefined;
}

export function embeddingTraitsOf(keyValues: GgufHeader['keyValues'], architecture: string): EmbeddingTraits {
  const isCausal = !bidirectional.has(architecture) && keyValues.get(`${architecture}.attention.causal`) !== false;
  const pooling = poolings.get(keyValues.get(`${architecture}.pooling_type`));
  return { isCausal, pooling: pooling ?? (isCausal ? undefined : 'mean') };
}
