import { float16FromBits, float32BitsOfHalves } from './float16.ts';

/** The dtypes whose tensors can be converted. */
export type FloatDtype = 'F64' | 'F32' | 'F16' | 'BF16';

let halves: Uint32Array | undefined;

/**
 * Decodes `count` elements of `source` (aligned, little-endian) into `target`, in single precision. F64 is rounded to
 * nearest, everything else is exact.
 */
export function decode(source: ArrayBuffer, dtype: FloatDtype, count: number, target: Float32Array): void {
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
    }
  }
}

/**
 * Adds `addend` to `count` elements of `values` in the precision of `dtype`'s reference arithmetic: PyTorch adds half
 * precision tensors in single precision and rounds the sum to half; the other dtypes are added in single precision.
 */
export function add(values: Float32Array, count: number, addend: number, dtype: FloatDtype): void {
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
export function changeElements(values: Float32Array, count: number, change: ElementChange, dtype: FloatDtype): void {
  const become = changes[change];
  for (let i = 0; i < count; i++) values[i] = become(values[i] ?? 0);
  roundAs(dtype, values, count);
}

function roundAs(dtype: FloatDtype, values: Float32Array, count: number): void {
  if (dtype !== 'F16') return;
  halves ??= float32BitsOfHalves();
  const bits = new Uint32Array(values.buffer, values.byteOffset, count);
  for (let i = 0; i < count; i++) bits[i] = halves[float16FromBits(bits[i] ?? 0)] ?? 0;
}
