import type { TensorRule } from './architecture.ts';
import { copied } from './tensor-rules.ts';

const limits = ['input_max', 'input_min', 'output_max', 'output_min'];

/** A linear layer without a bias; a clipped one also has the limits of what goes in and comes out, each a number. */
export function clippedLinear(
  source: string,
  target: string,
  shape: readonly [number, number],
  clipped: boolean,
): TensorRule[] {
  const scalar = (name: string): TensorRule => ({
    sources: [{ name: `${source}.${name}`, shape: [] }],
    targets: [{ name: `${target}.${name}`, shape: [1] }],
  });
  return [copied(`${source}.weight`, `${target}.weight`, shape), ...(clipped ? limits.map(scalar) : [])];
}
