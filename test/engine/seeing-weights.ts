import type { SyntheticCheckpoint } from '../reference/write-checkpoint.ts';

type ElementsOf = NonNullable<SyntheticCheckpoint['elementsOf']>;

/** How much the parts of a layer add to what is known. */
export interface Additions {
  readonly attention: number;
  readonly others: number;
}

/** Tables of a row for each token. */
const isTable = (tensor: string): boolean => /embed_tokens|lm_head/.test(tensor);

/**
 * Random bfloat16 weights in the proportions of a trained model's: what goes into a layer comes out about as large, and
 * attention and the pictures outweigh the last token, so that an answer hangs on what was seen. Of the tables, rows of
 * ids without a token are zero and those of `words` the greatest: the answer is made of words that can be read.
 * `tableScale` is their deviation. Attention whose queries and keys are normalized is sharper where `isSharp`. What the
 * norms behind a layer's attention and its other parts let through is `additions` times as much.
 */
export function seeingWeights(
  words: ReadonlySet<number>,
  tokens: ReadonlySet<number>,
  tableScale: number,
  isSharp: boolean,
  additions: Additions = { attention: 1, others: 1 },
): ElementsOf {
  return (tensor, shape, next) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const width = shape.at(-1) ?? 1;
    const limit = limitOf(tensor);
    if (limit !== undefined) return new Uint8Array(Uint16Array.of(bfloat16(limit)).buffer);
    const { mean: usual, deviation } = distributionOf(tensor, shape);
    const mean = isSharp && /[qk]_norm/.test(tensor) ? 3 : usual;
    const [, behind] = /layers\.\d+\..*post_(\w+)norm\./.exec(tensor) ?? [];
    const part = behind === undefined ? 1 : behind.startsWith('attention') ? additions.attention : additions.others;
    const elements = new Uint16Array(count);
    for (let row = 0; row * width < count; row++) {
      const scale = isTable(tensor) ? tableScale * (words.has(row) ? 1 : tokens.has(row) ? 0.3 : 0) : part;
      if (scale === 0) continue;
      for (let i = row * width; i < (row + 1) * width; i++) {
        elements[i] = bfloat16(part * mean + scale * deviation * evenly(next));
      }
    }
    return new Uint8Array(elements.buffer);
  };
}

/** What a clipped layer lets in and out, where a tensor is such a limit: nearly everything. */
function limitOf(tensor: string): number | undefined {
  if (!/\.(in|out)put_(min|max)$/.test(tensor)) return undefined;
  return tensor.endsWith('max') ? 4 : -4;
}

function distributionOf(tensor: string, shape: readonly number[]): { mean: number; deviation: number } {
  if (isTable(tensor)) return { mean: 0, deviation: 1 };
  // Vectors that are no biases scale: norms and layer scales. A_log is the logarithm of a decay.
  if (shape.length === 1) return { mean: /bias|A_log/.test(tensor) ? 0 : 1, deviation: 0.1 };
  if (tensor.includes('pos')) return { mean: 0, deviation: 0.3 };
  const inputs = shape.length === 2 || tensor.includes('experts') ? shape.at(-1) : undefined;
  const fanIn = inputs ?? shape.slice(1).reduce((product, size) => product * size, 1);
  return { mean: 0, deviation: gainOf(tensor) / Math.sqrt(fanIn) };
}

function gainOf(tensor: string): number {
  if (/\.(v|o)_proj\.|out_proj|\.wo\.|attn\.proj|kv_b_proj/.test(tensor)) return 3;
  return 1.6;
}

/** A number with mean 0 and deviation 1, evenly distributed. */
function evenly(next: () => number): number {
  return (next() / 2 ** 31 - 1) * Math.sqrt(3);
}

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** The bits of a number as bfloat16, cut off. */
function bfloat16(value: number): number {
  single[0] = value;
  return (bits[0] ?? 0) >>> 16;
}
