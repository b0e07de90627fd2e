import { expect, it } from 'vitest';
import { int32Array, KeyValues, uint32 } from '../../src/convert/gguf/key-values.ts';
import { layOut } from '../../src/convert/gguf/layout.ts';

it.each([
  ['too large', uint32(2 ** 32)],
  ['negative where that cannot be', uint32(-1)],
  ['not whole', uint32(0.5)],
  ['too large in a list', int32Array([1, 2 ** 31])],
])('a number that is %s is an error that names its key', (_, value) => {
  expect(() => layOut(new KeyValues().set('llama.block_count', value), [], [])).toThrow(
    expect.objectContaining({
      code: 'checkpoint_invalid',
      message: expect.stringContaining('llama.block_count') as unknown,
    }) as Error,
  );
});

it('the greatest numbers are written as they are', () => {
  const { header } = layOut(new KeyValues().set('k', uint32(2 ** 32 - 1)), [], []);
  expect(Buffer.from(header).includes(Buffer.from([255, 255, 255, 255]))).toBe(true);
});
