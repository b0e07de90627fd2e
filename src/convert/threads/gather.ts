import type { TensorView } from '../tensor-view.ts';

/**
 * The elements of the tensor between which the elements `first` to `first + count - 1` of a view lie: the first of them
 * and the one after the last. No stride may be negative.
 */
export function spanOf({ offset, sizes, strides }: TensorView, first: number, count: number): [number, number] {
  let [low, high] = [offset, offset];
  let [start, last] = [first, first + count - 1];
  let inner = sizes.reduce((product, size) => product * size, 1);
  let differs = false;
  for (const [axis, size] of sizes.entries()) {
    const stride = strides[axis] ?? 0;
    inner /= size;
    if (differs) {
      high += (size - 1) * stride;
      continue;
    }
    const [lowIndex, highIndex] = [Math.floor(start / inner), Math.floor(last / inner)];
    low += lowIndex * stride;
    high += highIndex * stride;
    start -= lowIndex * inner;
    last -= highIndex * inner;
    differs = lowIndex !== highIndex;
  }
  return [low, high + 1];
}

type Elements = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/**
 * Copies the elements `first` to `first + count - 1` of a view, in its order, to the start of `target`. `source` holds
 * the tensor's elements from `sourceStart` on, of which those of `spanOf` are needed.
 */
export function gather(
  source: Elements,
  sourceStart: number,
  { offset, sizes, strides }: TensorView,
  first: number,
  count: number,
  target: Elements,
): void {
  const indices = indicesOf(sizes, first);
  const last = sizes.length - 1;
  const [width, step] = [sizes[last] ?? 1, strides[last] ?? 1];
  for (let done = 0; done < count;) {
    const position = indices.reduce((sum, index, axis) => sum + index * (strides[axis] ?? 0), offset) - sourceStart;
    const run = Math.min(width - (indices[last] ?? 0), count - done);
    if (step === 1) target.set(source.subarray(position, position + run), done);
    else for (let i = 0; i < run; i++) target[done + i] = source[position + i * step] ?? 0;
    done += run;
    indices[last] = width;
    for (let axis = last; axis > 0 && indices[axis] === sizes[axis]; axis--) {
      indices[axis] = 0;
      indices[axis - 1] = (indices[axis - 1] ?? 0) + 1;
    }
  }
}

function indicesOf(sizes: readonly number[], element: number): number[] {
  let rest = element;
  const reversed = sizes.toReversed().map((size) => {
    const index = rest % size;
    rest = Math.floor(rest / size);
    return index;
  });
  return reversed.toReversed();
}
