import type { GgmlType } from '../gguf/ggml-types.ts';
import { float16FromBits } from './float16.ts';
import { quantizeQ8 } from './q8-0.ts';

/** The bfloat16 bits nearest to a single-precision number, given as its bits: ties to even, a NaN made quiet. */
function bfloat16FromBits(bits: number): number {
  if ((bits & 0x7f_ff_ff_ff) > 0x7f_80_00_00) return (bits >>> 16) | 0x40;
  return (bits + 0x7f_ff + ((bits >>> 16) & 1)) >>> 16;
}

/** Encodes `count` single-precision elements (whole blocks of `type`) into `target`, as gguf-py's quants.py does. */
export function encode(values: Float32Array, count: number, type: GgmlType, target: ArrayBuffer): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, count);
  switch (type) {
    case 'F32':
      new Uint32Array(target, 0, count).set(bits);
      return;
    case 'F16': {
      const output = new Uint16Array(target, 0, count);
      for (let i = 0; i < count; i++) output[i] = float16FromBits(bits[i] ?? 0);
      return;
    }
    case 'BF16': {
      const output = new Uint16Array(target, 0, count);
      for (let i = 0; i < count; i++) output[i] = bfloat16FromBits(bits[i] ?? 0);
      return;
    }
    case 'Q8_0':
      quantizeQ8(values, count, new Uint8Array(target));
  }
}
