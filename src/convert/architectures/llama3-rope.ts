import type { Rope } from './rope.ts';

/**
 * The factors by which Llama 3 divides each frequency of its rotary embedding for longer contexts: 1 for high frequencies, `factor`
 * for low ones, and interpolated in between. The formula and the defaults are those of
 * transformers' `_compute_llama3_parameters`; the arithmetic is in single precision where PyTorch's is.
 */
export function llama3RopeFactors(rope: Rope, headDim: number): number[] {
  const { rope_theta: base = 10_000, original_max_position_embeddings: oldContext } = rope;
  const { low_freq_factor: lowFactor, high_freq_factor: highFactor } = rope;
  const factor = rope.factor ?? 8;
  const [low, high, old] = [lowFactor ?? 1, highFactor ?? 4, oldContext ?? 8192];
  return Array.from({ length: headDim / 2 }, (_, i) => {
    const power = Math.fround(Math.fround(base) ** Math.fround((2 * i) / headDim));
    const wavelength = Math.fround(reciprocal(reciprocal(power)) * Math.fround(2 * Math.PI));
    if (wavelength < old / high) return 1;
    if (wavelength > old / low) return factor;
    const turns = Math.fround(reciprocal(wavelength) * old);
    const smooth = Math.fround(Math.fround(turns - low) / (high - low));
    return reciprocal(Math.fround(Math.fround(Math.fround(1 - smooth) / factor) + smooth));
  });
}

/** PyTorch computes number / tensor as number × (1 / tensor). */
function reciprocal(value: number): number {
  return Math.fround(1 / value);
}
