import { float16FromNumber } from './float16.ts';

const blockElements = 32;
const magnitudeBits = 0x7f_ff_ff_ff;

const largestBits = new Int32Array(1);
const largestValue = new Float32Array(largestBits.buffer);

/**
 * Quantizes blocks of 32 elements to ggml's Q8_0: the scale as half precision, then 32 signed bytes. Bit for bit what
 * `Q8_0.quantize_blocks` of gguf-py gives: scale = max |x| / 127, each element times 1 / scale, both in single
 * precision, rounded half away from zero. What is not finite becomes zero.
 */
export function quantizeQ8(values: Float32Array, count: number, target: Uint8Array): void {
  const bits = new Int32Array(values.buffer, values.byteOffset, count);
  let out = 0;
  for (let start = 0; start < count; start += blockElements) {
    const end = start + blockElements;
    // Magnitudes compare like their bits, with a NaN above them all: so it stays the largest, as it does in numpy.
    let largest = 0;
    for (let i = start; i < end; i++) {
      const magnitude = (bits[i] ?? 0) & magnitudeBits;
      largest = magnitude > largest ? magnitude : largest;
    }
    largestBits[0] = largest;
    const scale = Math.fround((largestValue[0] ?? 0) / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    const half = float16FromNumber(scale);
    target[out] = half & 0xff;
    target[out + 1] = half >>> 8;
    out += 2;
    for (let i = start; i < end; i++) {
      // Adding a half is exact in double precision; `| 0` truncates and makes infinities and NaN zero. The sign is put
      // back without a branch, which random signs would mispredict.
      const rounded = (Math.abs(Math.fround((values[i] ?? 0) * inverse)) + 0.5) | 0;
      const sign = (bits[i] ?? 0) >> 31;
      target[out + i - start] = (rounded ^ sign) - sign;
    }
    out += blockElements;
  }
}
