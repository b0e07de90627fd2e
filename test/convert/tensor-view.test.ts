import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isContiguous, permute, simplify, slice, viewOf, viewSize } from '../../src/convert/tensor-view.ts';
import type { TensorView } from '../../src/convert/tensor-view.ts';
import { gather, spanOf } from '../../src/convert/threads/gather.ts';

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
    }),
  );
});

test('rows of a matrix are contiguous, its columns are not', () => {
  expect(isContiguous(simplify(slice(viewOf(6, 4), 0, 2, 3)))).toBe(true);
  expect(isContiguous(simplify(slice(viewOf(6, 4), 1, 0, 2)))).toBe(false);
  expect(gathered(permute(viewOf(2, 3), 1, 0), 0, 6)).toEqual([0, 3, 1, 4, 2, 5]);
});
