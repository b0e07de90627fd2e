import { expect, it } from 'vitest';
import { compileWasm, limitedTo } from '../../src/media/wasm.ts';

const PAGE_BYTES = 65_536;

interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

it('the memory of a module cannot grow beyond its limit', async () => {
  // (module (memory (export "m") 1))
  const module = await compileWasm(Buffer.from('0061736d010000000503010001070501016d0200', 'hex'));
  let memory: Memory | undefined;
  limitedTo(module, 3 * PAGE_BYTES)({}, ({ exports }) => {
    memory = exports['m'] as Memory;
  });
  memory?.grow(2);
  expect(() => memory?.grow(1)).toThrow(RangeError);
  expect(memory?.buffer.byteLength).toBe(3 * PAGE_BYTES);
});
