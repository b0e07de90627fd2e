import { viewOf } from '../tensor-view.ts';
import type { TensorView } from '../tensor-view.ts';

/** What a view shows of a matrix: some of its rows, and of each the same columns. Both count from the first. */
export interface SplitView {
  /** A view of the numbers of the rows. */
  readonly rows: TensorView;
  /** Likewise of the columns. */
  readonly columns: TensorView;
}

/**
 * Takes a view of a matrix apart, so that it can be applied to a product of two: its rows to the left one, its columns to
 * the right one. Undefined where the view mixes the two, as a transposition does.
 *
 * @param width columns of the matrix
 */
export function splitView({ offset, sizes, strides }: TensorView, width: number): SplitView | undefined {
  const rows: Axis[] = [];
  const columns: Axis[] = [];
  for (const [axis, size] of sizes.entries()) {
    const stride = strides[axis] ?? 0;
    if (size === 1) continue;
    if (stride % width === 0) {
      if (columns.length > 0) return undefined;
      rows.push({ size, stride: stride / width });
    } else if ((size - 1) * stride < width) {
      columns.push({ size, stride });
    } else if (width % stride === 0 && (size * stride) % width === 0 && columns.length === 0) {
      // Whole rows, one after the other.
      rows.push({ size: (size * stride) / width, stride: 1 });
      columns.push({ size: width / stride, stride });
    } else {
      return undefined;
    }
  }
  return { rows: viewFrom(Math.floor(offset / width), rows), columns: viewFrom(offset % width, columns) };
}

interface Axis {
  readonly size: number;
  readonly stride: number;
}

function viewFrom(offset: number, axes: readonly Axis[]): TensorView {
  if (axes.length === 0) return { ...viewOf(1), offset };
  return { offset, sizes: axes.map(({ size }) => size), strides: axes.map(({ stride }) => stride) };
}

/** The numbers that a view shows, in order. */
export function indicesOf({ offset, sizes, strides }: TensorView): number[] {
  return sizes.reduce<number[]>(
    (indices, size, axis) =>
      indices.flatMap((index) => Array.from({ length: size }, (_, i) => index + i * (strides[axis] ?? 0))),
    [offset],
  );
}
