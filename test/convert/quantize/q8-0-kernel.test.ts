import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { compileWat } from '../../../scripts/compile-wat.ts';
import { decode } from '../../../src/convert/quantize/decode.ts';
import { kernelBase64 } from '../../../src/convert/quantize/q8-0-kernel.ts';
import { quantizeBf16ToQ8, quantizeQ8 } from '../../../src/convert/quantize/q8-0.ts';

test('the kernel is what its source compiles to', async () => {
  const source = await readFile(new URL('../../../src/convert/quantize/q8-0.wat', import.meta.url), 'utf8');
  expect(Buffer.from(await compileWat(source)).toString('base64')).toBe(kernelBase64);
});

test('every bfloat16 number is quantized as it is by way of single precision', () => {
  // Each block holds numbers of many sizes, infinities and NaN in some; more blocks than the kernel takes at once.
  const numbers = Uint16Array.from({ length: 65_536 }, (_, i) => (i * 40_503) & 0xffff);
  const values = new Float32Array(numbers.length);
  const [direct, byWay] = [0, 1].map(() => new Uint8Array((numbers.length / 32) * 34));
  decode(numbers.buffer, 'BF16', numbers.length, values);
  quantizeQ8(values, numbers.length, byWay ?? new Uint8Array());
  quantizeBf16ToQ8(numbers.buffer, numbers.length, direct ?? new Uint8Array());
  expect(direct).toEqual(byWay);
});
