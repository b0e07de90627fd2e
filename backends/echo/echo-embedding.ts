import { createHash } from 'node:crypto';

const DIMENSIONS = 8;

/** A vector of unit length that depends on the tokens, not on their order. */
export function embeddingOf(tokens: readonly string[]): Float32Array {
  const sums = new Float32Array(DIMENSIONS);
  for (const token of tokens) {
    const digest = createHash('sha256').update(token.trim()).digest();
    for (let index = 0; index < DIMENSIONS; index += 1) {
      sums[index] = (sums[index] ?? 0) + digest.readInt16LE(2 * index);
    }
  }
  const length = Math.hypot(...sums);
  return length === 0 ? sums : sums.map((sum) => sum / length);
}
