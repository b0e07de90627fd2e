import { slice, viewOf } from '../tensor-view.ts';
import type { TensorRule } from './architecture.ts';

/**
 * The patch embedding of a tower that looks at two frames at once, `[width, channels, 2, patch, patch]`: one tensor for
 * each frame.
 */
export function framePatches(source: string, width: number, patch: number, channels = 3): TensorRule {
  const shape = [width, channels, 2, patch, patch];
  const frame = (index: number) => [{ source: 0, view: slice(viewOf(...shape), 2, index, 1) }];
  const frameShape = [width, channels, patch, patch];
  return {
    sources: [{ name: `${source}.weight`, shape }],
    targets: [
      { name: 'v.patch_embd.weight', shape: frameShape, pieces: frame(0) },
      { name: 'v.patch_embd.weight.1', shape: frameShape, pieces: frame(1) },
    ],
  };
}

/** A projection to queries, keys and values together, and its bias: three tensors of each. */
export function splitQkv(
  source: string,
  target: string,
  width: number,
  bias: 'required' | 'none' = 'required',
): TensorRule[] {
  const split = (part: 'weight' | 'bias', ...columns: number[]): TensorRule => {
    const shape = [3 * width, ...columns];
    return {
      sources: [{ name: `${source}.${part}`, shape }],
      targets: ['q', 'k', 'v'].map((name, i) => ({
        name: `${target}.attn_${name}.${part}`,
        shape: [width, ...columns],
        pieces: [{ source: 0, view: slice(viewOf(...shape), 0, i * width, width) }],
      })),
    };
  };
  return [split('weight', width), ...(bias === 'required' ? [split('bias')] : [])];
}
