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

/** Elements of a tensor to be read: `count` runs of `length`, whose starts lie `step` apart from `start` on. */
export interface Runs {
  readonly start: number;
  readonly length: number;
  readonly count: number;
  readonly step: number;
}

/** A view that goes through the columns of a matrix where the tensor has rows: how many columns and rows it has. */
export function transposedMatrix({ sizes, strides }: TensorView): { rows: number; width: number } | undefined {
  const [rows, width] = sizes.slice(-2);
  if (rows === undefined || width === undefined) return undefined;
  return strides.at(-2) === 1 && (strides.at(-1) ?? 1) > 1 ? { rows, width } : undefined;
}

/**
 * What has to be read for the elements `first` to `first + count - 1` of a view: everything from the first to the last of
 * them, but of a matrix that is transposed only the columns in question, where they are the lesser part.
 */
export function runsOf(view: TensorView, first: number, count: number): Runs {
  const [start, end] = spanOf(view, first, count);
  const whole = { start, length: end - start, count: 1, step: 0 };
  const matrix = transposedMatrix(view);
  if (matrix === undefined) return whole;
  const { rows, width } = matrix;
  const last = first + count - 1;
  const isInOne = Math.floor(first / (rows * width)) === Math.floor(last / (rows * width));
  const [firstRow, lastRow] = [Math.floor(first / width), Math.floor(last / width)];
  const length = lastRow - firstRow + 1;
  if (!isInOne || length === 1 || length * width * 2 > end - start) return whole;
  return { start, length, count: width, step: view.strides.at(-1) ?? 1 };
}

/** What `runsOf` said, once it is read, as a view of its own, and which element of that was the element `first`. */
export function viewOfRuns({ length, count }: Runs, first: number): { view: TensorView; first: number } {
  return { view: { offset: 0, sizes: [length, count], strides: [1, length] }, first: first % count };
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
  const isTransposed = last > 0 && strides[last - 1] === 1;
  for (let done = 0; done < count;) {
    const position = indices.reduce((sum, index, axis) => sum + index * (strides[axis] ?? 0), offset) - sourceStart;
    const rowsLeft = Math.min((sizes[last - 1] ?? 1) - (indices[last - 1] ?? 0), Math.floor((count - done) / width));
    if (isTransposed && indices[last] === 0 && rowsLeft > 1) {
      transpose(source, position, step, target, done, rowsLeft, width);
      done += rowsLeft * width;
      indices[last - 1] = (indices[last - 1] ?? 0) + rowsLeft - 1;
    } else {
      const run = Math.min(width - (indices[last] ?? 0), count - done);
      if (step === 1) target.set(source.subarray(position, position + run), done);
      else for (let i = 0; i < run; i++) target[done + i] = source[position + i * step] ?? 0;
      done += run;
    }
    indices[last] = width;
    for (let axis = last; axis > 0 && indices[axis] === sizes[axis]; axis--) {
      indices[axis] = 0;
      indices[axis - 1] = (indices[axis - 1] ?? 0) + 1;
    }
  }
}

/** So many columns, four at a time, are transposed before the next rows: what that touches stays in the nearest cache. */
const STRIP = 128;

/** Copies `rows` columns of a matrix, whose rows lie `step` apart, to as many rows of `width`. */
function transpose(
  source: Elements,
  from: number,
  step: number,
  target: Elements,
  to: number,
  rows: number,
  width: number,
): void {
  const inFours = rows - (rows % 4);
  for (let left = 0; left < width; left += STRIP) {
    const run = Math.min(STRIP, width - left);
    for (let row = 0; row < inFours; row += 4) {
      let position = from + row + left * step;
      let first = to + row * width + left;
      for (const end = first + run; first < end; first++, position += step) {
        target[first] = source[position] ?? 0;
        target[first + width] = source[position + 1] ?? 0;
        target[first + width * 2] = source[position + 2] ?? 0;
        target[first + width * 3] = source[position + 3] ?? 0;
      }
    }
    for (let row = inFours; row < rows; row++) {
      const [position, first] = [from + row + left * step, to + row * width + left];
      for (let i = 0; i < run; i++) target[first + i] = source[position + i * step] ?? 0;
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
