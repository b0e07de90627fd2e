import type { Dtype } from '../../src/convert/safetensors/dtypes.ts';

export type RandomDtype = Extract<Dtype, 'F32' | 'F16' | 'BF16'>;

/** A seeded generator of 32-bit numbers (mulberry32): the same on every machine, which is all that is asked of it. */
export function randomBits(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return (bits ^ (bits >>> 14)) >>> 0;
  };
}

/**
 * Single-precision bits that look like a weight's most of the time, and else try the edges of every number format: zeros
 * of both signs, subnormals, overflows, and numbers exactly between two half-precision or bfloat16 neighbours.
 */
function weightBits(next: () => number): number {
  const bits = next();
  const sign = bits & 0x80_00_00_00;
  const mantissa = next() & 0x7f_ff_ff;
  switch (next() % 64) {
    case 0:
      return sign;
    case 1:
      return sign | ((next() % 255) << 23) | mantissa;
    case 2:
      return sign | ((100 + (next() % 16)) << 23) | mantissa;
    case 3:
      return sign | ((110 + (next() % 20)) << 23) | (mantissa & 0x7f_e0_00) | 0x10_00;
    case 4:
      return sign | ((110 + (next() % 20)) << 23) | (mantissa & 0x7f_00_00) | 0x80_00;
    default:
      return sign | ((112 + (next() % 14)) << 23) | mantissa;
  }
}

/** The bits of a half-precision number: any but a NaN. */
function halfBits(next: () => number): number {
  const bits = next() & 0xff_ff;
  return (bits & 0x7c_00) === 0x7c_00 ? bits & 0xfc_00 : bits;
}

/** `count` random elements, little-endian. */
export function randomElements(dtype: RandomDtype, count: number, next: () => number): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(Int32Array.from({ length: count }, () => weightBits(next)).buffer);
  const element = dtype === 'F16' ? () => halfBits(next) : () => weightBits(next) >>> 16;
  return new Uint8Array(Uint16Array.from({ length: count }, element).buffer);
}
