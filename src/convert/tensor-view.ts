/**
 * A strided view of a tensor: which of its elements, in which order (row-major over `sizes`). Offset and strides count
 * elements. Slices, transpositions and regroupings of a tensor are all views of it, so none of them copies anything.
 */
export interface TensorView {
  readonly offset: number;
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
}

/** A whole contiguous tensor, row-major, seen as one of the shape `sizes`. */
export function viewOf(...sizes: number[]): TensorView {
  const strides = sizes.map((_, axis) => sizes.slice(axis + 1).reduce((product, size) => product * size, 1));
  return { offset: 0, sizes, strides };
}

/** Of a view, the indices from `start` on, `count` of them, along an axis. */
export function slice(view: TensorView, axis: number, start: number, count: number): TensorView {
  return {
    offset: view.offset + start * (view.strides[axis] ?? 0),
    sizes: view.sizes.with(axis, count),
    strides: view.strides,
  };
}

/** A view with its axes in another order: axis `i` of the result is axis `axes[i]` of `view`. */
export function permute(view: TensorView, ...axes: number[]): TensorView {
  return {
    offset: view.offset,
    sizes: axes.map((axis) => view.sizes[axis] ?? 1),
    strides: axes.map((axis) => view.strides[axis] ?? 0),
  };
}

/** The number of elements that a view shows. */
export function viewSize({ sizes }: TensorView): number {
  return sizes.reduce((product, size) => product * size, 1);
}

/** The same view with as few axes as possible: neighbours that are contiguous are joined, those of size one left out. */
export function simplify({ offset, sizes, strides }: TensorView): TensorView {
  const joined: { size: number; stride: number }[] = [];
  for (const [axis, size] of sizes.entries()) {
    if (size === 1) continue;
    const stride = strides[axis] ?? 0;
    const outer = joined.at(-1);
    if (outer?.stride === stride * size) joined[joined.length - 1] = { size: outer.size * size, stride };
    else joined.push({ size, stride });
  }
  if (joined.length === 0) joined.push({ size: 1, stride: 1 });
  return { offset, sizes: joined.map(({ size }) => size), strides: joined.map(({ stride }) => stride) };
}

/** Whether a simplified view shows a single run of elements, one after the other. */
export function isContiguous({ strides }: TensorView): boolean {
  return strides.length === 1 && strides[0] === 1;
}
