import { float16FromBits, float32BitsOfHalves } from './float16.ts';

const sourceDtypes = ['F64', 'F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2', 'I8'] as const;

/** The dtypes whose tensors can be converted. */
export type SourceDtype = (typeof sourceDtypes)[number];

export function isSourceDtype(dtype: string): dtype is SourceDtype {
  return sourceDtypes.some((known) => known === dtype);
}

let halves: Uint32Array | undefined;
let eights: Float32Array | undefined;

/**
 * Decodes `count` elements of `source` (aligned, little-endian) into `target`, in single precision. F64 is rounded to
 * nearest, everything else is exact.
 */
export function decode(source: ArrayBuffer, dtype: SourceDtype, count: number, target: Float32Array): void {
  const bits = new Uint32Array(target.buffer, target.byteOffset, count);
  switch (dtype) {
    case 'F64':
      target.set(new Float64Array(source, 0, count));
      return;
    case 'F32':
      bits.set(new Uint32Array(source, 0, count));
      return;
    case 'F16': {
      halves ??= float32BitsOfHalves();
      const table = halves;
      const input = new Uint16Array(source, 0, count);
      for (let i = 0; i < count; i++) bits[i] = table[input[i] ?? 0] ?? 0;
      return;
    }
    case 'BF16': {
      const input = new Uint16Array(source, 0, count);
      for (let i = 0; i < count; i++) bits[i] = (input[i] ?? 0) << 16;
      return;
    }
    case 'F8_E4M3': {
      eights ??= Float32Array.from({ length: 256 }, (_, byte) => float8(byte));
      const table = eights;
      const input = new Uint8Array(source, 0, count);
      for (let i = 0; i < count; i++) target[i] = table[input[i] ?? 0] ?? 0;
      return;
    }
    case 'F8_E5M2': {
      // The upper half of a half-precision number.
      halves ??= float32BitsOfHalves();
      const table = halves;
      const input = new Uint8Array(source, 0, count);
      for (let i = 0; i < count; i++) bits[i] = table[(input[i] ?? 0) << 8] ?? 0;
      return;
    }
    case 'I8':
      target.set(new Int8Array(source, 0, count));
  }
}

/** A number of four bits of exponent and three of mantissa, without infinities (PyTorch's `float8_e4m3fn`). */
function float8(byte: number): number {
  const [exponent, mantissa] = [(byte >>> 3) & 15, byte & 7];
  if (exponent === 15 && mantissa === 7) return NaN;
  const magnitude = exponent === 0 ? mantissa * 2 ** -9 : (8 + mantissa) * 2 ** (exponent - 10);
  return byte >= 128 ? -magnitude : magnitude;
}

/**
 * Adds `addend` to `count` elements of `values` in the precision of `dtype`'s reference arithmetic: PyTorch adds half
 * precision tensors in single precision and rounds the sum to half; the other dtypes are added in single precision.
 */
export function add(values: Float32Array, count: number, addend: number, dtype: SourceDtype): void {
  for (let i = 0; i < count; i++) values[i] = (values[i] ?? 0) + addend;
  roundAs(dtype, values, count);
}

/** What every element of a tensor can become: minus its exponential, or the softplus of it, log(1 + exp(x)). */
export type ElementChange = '-exp' | 'softplus';

const changes: Readonly<Record<ElementChange, (value: number) => number>> = {
  '-exp': (value) => -Math.exp(value),
  // PyTorch's steps: each is rounded, and what is large stays. Its vector library is one unit off in the last place now
  // and then, with one number in two hundred.
  softplus: (value) => (value > 20 ? value : Math.log1p(Math.fround(Math.exp(value)))),
};

/** Changes `count` elements of `values`, in the same precision. */
export function changeElements(values: Float32Array, count: number, change: ElementChange, dtype: SourceDtype): void {
  const become = changes[change];
  for (let i = 0; i < count; i++) values[i] = become(values[i] ?? 0);
  roundAs(dtype, values, count);
}

function roundAs(dtype: SourceDtype, values: Float32Array, count: number): void {
  if (dtype !== 'F16') return;
  halves ??= float32BitsOfHalves();
  const bits = new Uint32Array(values.buffer, values.byteOffset, count);
  for (let i = 0; i < count; i++) bits[i] = halves[float16FromBits(bits[i] ?? 0)] ?? 0;
}
