import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isContiguous, permute, simplify, slice, viewOf, viewSize } from '../../src/convert/tensor-view.ts';
import type { TensorView } from '../../src/convert/tensor-view.ts';
import { chunkElements, chunksOf, sourceRuns } from '../../src/convert/threads/chunk.ts';
import { gather, runsOf, spanOf, viewOfRuns } from '../../src/convert/threads/gather.ts';

/** The elements that a view of 0, 1, 2, … shows, by its definition. */
function elementsOf({ offset, sizes, strides }: TensorView): number[] {
  return sizes.reduce(
    (starts, size, axis) =>
      starts.flatMap((start) => Array.from({ length: size }, (_, index) => start + index * (strides[axis] ?? 0))),
    [offset],
  );
}

function gathered(view: TensorView, first: number, count: number): number[] {
  const [start, end] = spanOf(view, first, count);
  const source = Uint32Array.from({ length: end - start }, (_, i) => start + i);
  const target = new Uint32Array(count);
  gather(source, start, view, first, count, target);
  return [...target];
}

/** The same from no more than what `runsOf` has read. */
function gatheredFromRuns(view: TensorView, from: number, count: number): number[] {
  const runs = runsOf(view, from, count);
  const read = Array.from({ length: runs.count }, (_, run) =>
    Array.from({ length: runs.length }, (_, i) => runs.start + run * runs.step + i),
  );
  const target = new Uint32Array(count);
  const { view: ofRuns, first } = runs.count === 1 ? { view, first: from } : viewOfRuns(runs, from);
  gather(Uint32Array.from(read.flat()), runs.count === 1 ? runs.start : 0, ofRuns, first, count, target);
  return [...target];
}

const views = fc
  .array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 })
  .chain((sizes) =>
    fc.record({
      whole: fc.constant(viewOf(...sizes)),
      axes: fc.shuffledSubarray([...sizes.keys()], { minLength: sizes.length }),
      starts: fc.tuple(...sizes.map((size) => fc.integer({ min: 0, max: size - 1 }))),
    }),
  )
  .map(({ whole, axes, starts }) =>
    permute(
      starts.reduce((view, start, axis) => slice(view, axis, start, (view.sizes[axis] ?? 1) - start), whole),
      ...axes,
    ),
  );

test('any part of any view is gathered in its order', () => {
  fc.assert(
    fc.property(views, fc.nat(), fc.nat(), (view, from, length) => {
      const all = elementsOf(view);
      const first = from % all.length;
      const count = 1 + (length % (all.length - first));
      expect(all).toHaveLength(viewSize(view));
      expect(gathered(view, first, count)).toEqual(all.slice(first, first + count));
      expect(gathered(simplify(view), first, count)).toEqual(all.slice(first, first + count));
      expect(gatheredFromRuns(simplify(view), first, count)).toEqual(all.slice(first, first + count));
    }),
  );
});

test('a matrix larger than what is transposed at once is gathered in its order', () => {
  const view = simplify(permute(viewOf(2, 300, 23), 0, 2, 1));
  const all = elementsOf(view);
  for (const [first, count] of [
    [0, all.length],
    [17, 300 * 11],
    [300 * 23 + 5, 2111],
  ] as const) {
    expect(gathered(view, first, count)).toEqual(all.slice(first, first + count));
    expect(gatheredFromRuns(view, first, count)).toEqual(all.slice(first, first + count));
  }
});

test('of stacked matrices that are transposed, a chunk reads little more than it writes', () => {
  // The gates of Llama 4's experts: half of the columns of each.
  const [experts, width, inner] = [3, 5120, 8192];
  const view = simplify(permute(slice(viewOf(experts, width, 2 * inner), 2, 0, inner), 0, 2, 1));
  const elements = viewSize(view);
  const move = { shard: '', sourceOffset: 0, dtype: 'BF16', targetOffset: 0, type: 'BF16', addend: 0 } as const;
  const chunks = [...chunksOf({ ...move, view, elements, change: undefined })];
  const written = chunks.map((chunk) => chunk.elements);
  expect(written.reduce((sum, count) => sum + count, 0)).toBe(elements);
  expect(Math.max(...written)).toBe(chunkElements);
  for (const [i, chunk] of chunks.entries()) {
    expect(chunk.first).toBe(written.slice(0, i).reduce((sum, count) => sum + count, 0));
    const { length, count } = sourceRuns(chunk);
    expect(length * count).toBeLessThanOrEqual(chunk.elements + 2 * width);
  }
});

test('rows of a matrix are contiguous, its columns are not', () => {
  expect(isContiguous(simplify(slice(viewOf(6, 4), 0, 2, 3)))).toBe(true);
  expect(isContiguous(simplify(slice(viewOf(6, 4), 1, 0, 2)))).toBe(false);
  expect(gathered(permute(viewOf(2, 3), 1, 0), 0, 6)).toEqual([0, 3, 1, 4, 2, 5]);
});
