import type { GgufKeyValues } from './read-header.ts';
import { familyOf, numbersOf } from './values.ts';

/** A model fits the memory if this many tokens fit beside its weights, or all it was trained for if they are fewer. */
const contextTokensAtLeast = 8192;

/** The tokens a model must have room for, given those it was trained for. */
export function contextTokens(trainedTokens: number | undefined): number {
  return Math.min(trainedTokens ?? contextTokensAtLeast, contextTokensAtLeast);
}

/** Bytes of that context in the KV cache. 0 if the header does not tell. */
export function contextBytes(keyValues: GgufKeyValues): number {
  const trained = numbersOf(keyValues, `${familyOf(keyValues) ?? ''}.context_length`)?.[0];
  return contextTokens(trained) * contextBytesPerToken(keyValues);
}

/** Bytes per token of the KV cache, at most: two vectors of half precision for each layer and each of its KV heads. */
export function contextBytesPerToken(keyValues: GgufKeyValues): number {
  const of = (key: string) => numbersOf(keyValues, `${familyOf(keyValues) ?? 'unknown'}.${key}`);
  const layers = of('block_count')?.[0] ?? 0;
  const heads = of('attention.head_count')?.[0] ?? 1;
  const headsKv = of('attention.head_count_kv') ?? [heads];
  const width = heads > 0 ? (of('embedding_length')?.[0] ?? 0) / heads : 0;
  const perHead = (of('attention.key_length')?.[0] ?? width) + (of('attention.value_length')?.[0] ?? width);
  const allHeads = headsKv.length === 1 ? (headsKv[0] ?? 0) * layers : headsKv.reduce((sum, count) => sum + count, 0);
  return allHeads * perHead * 2;
}
