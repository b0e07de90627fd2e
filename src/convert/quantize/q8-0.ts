import { float16FromNumber } from './float16.ts';

const blockElements = 32;

/**
 * Quantizes blocks of 32 elements to ggml's Q8_0: the scale as half precision, then 32 signed bytes. Bit for bit what
 * `Q8_0.quantize_blocks` of gguf-py gives: scale = max |x| / 127, each element times 1 / scale, both in single
 * precision, rounded half away from zero. What is not finite becomes zero.
 */
export function quantizeQ8(values: Float32Array, count: number, target: Uint8Array): void {
  let out = 0;
  for (let start = 0; start < count; start += blockElements) {
    const end = start + blockElements;
    let largest = 0;
    for (let i = start; i < end; i++) {
      const value = values[i] ?? 0;
      const magnitude = value < 0 ? -value : value;
      // A NaN stays the largest, as it does in numpy.
      if (magnitude > largest || Number.isNaN(magnitude)) largest = magnitude;
    }
    const scale = Math.fround(largest / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    const half = float16FromNumber(scale);
    target[out] = half & 0xff;
    target[out + 1] = half >>> 8;
    out += 2;
    for (let i = start; i < end; i++) {
      const scaled = Math.fround((values[i] ?? 0) * inverse);
      // Adding a half is exact in double precision; `| 0` truncates towards zero and makes infinities and NaN zero.
      target[out++] = (scaled < 0 ? scaled - 0.5 : scaled + 0.5) | 0;
    }
  }
}
