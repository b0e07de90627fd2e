import { expect, test } from 'vitest';
import * as fc from 'fast-check';
import { bytesIn, cut, gaps, union } from '../../src/hub/extents.ts';
import type { Extent } from '../../src/hub/extents.ts';

const SIZE = 50;
const extent = fc
  .tuple(fc.nat(SIZE - 1), fc.integer({ min: 1, max: SIZE }))
  .map(([start, length]): Extent => ({ start, end: Math.min(start + length, SIZE) }));

function bytesOf(extents: readonly Extent[]): Set<number> {
  return new Set(extents.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, index) => start + index)));
}

test('what is there and what is missing are the whole, and never overlap', () => {
  fc.assert(
    fc.property(fc.array(extent), extent, (added, whole) => {
      const there = added.reduce<Extent[]>(union, []);
      expect(bytesOf(there)).toEqual(bytesOf(added));
      expect(bytesIn(there)).toBe(bytesOf(added).size);
      const missing = bytesOf(gaps(there, whole));
      for (const byte of bytesOf([whole])) expect(missing.has(byte)).toBe(!bytesOf(there).has(byte));
      expect(missing.size).toBe(bytesIn(gaps(there, whole)));
    }),
  );
});

test('pieces are as long as may be, and nothing is lost', () => {
  fc.assert(
    fc.property(fc.array(extent), fc.integer({ min: 1, max: 20 }), (added, maxBytes) => {
      const extents = added.reduce<Extent[]>(union, []);
      const pieces = cut(extents, maxBytes);
      expect(bytesOf(pieces)).toEqual(bytesOf(extents));
      expect(pieces.every(({ start, end }) => end > start && end - start <= maxBytes)).toBe(true);
    }),
  );
});
