import { describe, expect, test } from 'vitest';
import { add, decode } from '../../../src/convert/quantize/decode.ts';
import type { SourceDtype } from '../../../src/convert/quantize/decode.ts';
import { encode } from '../../../src/convert/quantize/encode.ts';

/** The 16-bit patterns that numbers given by their single-precision bits become. */
function encoded(type: 'F16' | 'BF16', bits: readonly number[]): number[] {
  const output = new ArrayBuffer(bits.length * 2);
  encode(new Float32Array(Uint32Array.from(bits).buffer), bits.length, type, output);
  return [...new Uint16Array(output)];
}

function decoded(dtype: SourceDtype, source: ArrayBuffer, count: number): Uint32Array {
  const values = new Float32Array(count);
  decode(source, dtype, count, values);
  return new Uint32Array(values.buffer);
}

describe('half precision', () => {
  test('every number survives the way to single precision and back, NaN included', () => {
    const halves = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    expect(encoded('F16', [...decoded('F16', halves.buffer, halves.length)])).toEqual([...halves]);
  });

  // What numpy's astype(float16) gives.
  test.each([
    [0x33_00_00_00, 0x00_00, 'half the least subnormal is a tie, to even zero'],
    [0x33_00_00_01, 0x00_01, 'a little more is the least subnormal'],
    [0x33_c0_00_00, 0x00_02, 'a tie between subnormals, to even'],
    [0x38_7f_ff_ff, 0x04_00, 'the largest subnormals round to a normal number'],
    [0x47_7f_ef_ff, 0x7b_ff, 'the largest number'],
    [0x47_7f_f0_00, 0x7c_00, 'halfway to the next is infinity'],
    [0xff_80_00_00, 0xfc_00, 'minus infinity'],
    [0x7f_80_00_01, 0x7c_01, 'a NaN stays one when its payload is cut off'],
    [0xff_81_23_45, 0xfc_09, 'a NaN keeps its sign and what fits of its payload'],
    [0x3f_80_10_00, 0x3c_00, 'a tie to even, down'],
    [0x3f_80_30_00, 0x3c_02, 'a tie to even, up'],
  ])('%i becomes %i: %s', (bits, half) => {
    expect(encoded('F16', [bits])).toEqual([half]);
  });
});

describe('bfloat16', () => {
  test.each([
    [0x3f_80_80_00, 0x3f_80, 'a tie to even, down'],
    [0x3f_81_80_00, 0x3f_82, 'a tie to even, up'],
    [0x3f_80_80_01, 0x3f_81, 'above a tie'],
    [0x7f_7f_ff_ff, 0x7f_80, 'overflow'],
    [0x7f_80_00_01, 0x7f_c0, 'a signalling NaN becomes quiet'],
    [0x80_00_00_01, 0x80_00, 'a subnormal keeps its sign'],
  ])('%i becomes %i: %s', (bits, expected) => {
    expect(encoded('BF16', [bits])).toEqual([expected]);
  });
});

function quantized(values: readonly number[]): Buffer {
  const output = new ArrayBuffer(34);
  encode(
    Float32Array.from({ length: 32 }, (_, i) => values[i] ?? 0),
    32,
    'Q8_0',
    output,
  );
  return Buffer.from(output);
}

describe('Q8_0', () => {
  test('the scale is the largest magnitude over 127, and halves round away from zero', () => {
    const block = quantized([-127, 0.5, -0.5, 1.5, -2.5, 0.49]);
    expect(block.readUInt16LE()).toBe(0x3c_00);
    expect([...new Int8Array(block.buffer, 2, 7)]).toEqual([-127, 1, -1, 2, -3, 0, 0]);
  });

  test('zeros', () => {
    expect(quantized([]).equals(Buffer.alloc(34))).toBe(true);
  });

  test.each([
    ['NaN', NaN, 0x7e_00],
    ['infinity', Infinity, 0x7c_00],
  ])('a block with %s holds zeros under that scale', (_, value, scale) => {
    const block = quantized([1, value, 3]);
    expect(block.readUInt16LE()).toBe(scale);
    expect(block.subarray(2).equals(Buffer.alloc(32))).toBe(true);
  });
});

test('double precision is rounded to nearest', () => {
  const source = Float64Array.of(0.1, 1e300, 1 + 2 ** -25).buffer;
  expect([...new Float32Array(decoded('F64', source, 3).buffer)]).toEqual([Math.fround(0.1), Infinity, 1]);
});

test('half-precision sums are rounded to half precision, others are not', () => {
  const half = Float32Array.of(2 ** -11);
  add(half, 1, 1, 'F16');
  expect(half[0]).toBe(1);
  const single = Float32Array.of(2 ** -11);
  add(single, 1, 1, 'BF16');
  expect(single[0]).toBe(1 + 2 ** -11);
});
