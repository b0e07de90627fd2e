import type { StoredMatrix } from './adapter-tensors.ts';

/** What an adapter adds to a tensor: `scale` times the product of two matrices. */
export interface Delta {
  /** The adapter's weights, as a path within the checkpoint's folder. */
  readonly shard: string;
  readonly a: StoredMatrix;
  readonly b: StoredMatrix;
  /** The product is to be transposed. */
  readonly isTransposed: boolean;
  readonly rank: number;
  readonly scale: number;
}

/** The matrices of a delta in memory: `left` is `[rows, rank]`, `right` is `[rank, columns]`. */
export interface Factors {
  readonly left: Float32Array;
  readonly right: Float32Array;
  readonly rank: number;
  readonly columns: number;
  readonly scale: number;
}

/** Puts the matrices of a delta in order. `a` and `b` hold their elements as they are stored. */
export function factorsOf(delta: Omit<Delta, 'shard'>, a: Float32Array, b: Float32Array): Factors {
  const { isTransposed, rank, scale } = delta;
  if (!isTransposed) return { left: b, right: a, rank, columns: delta.a.columns, scale };
  const [left, right] = [transposed(a, delta.a), transposed(b, delta.b)];
  return { left, right, rank, columns: delta.b.rows, scale };
}

/** A matrix with its axes exchanged. */
export function transposed(
  values: Float32Array,
  { rows, columns }: Pick<StoredMatrix, 'rows' | 'columns'>,
): Float32Array {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = values[row * columns + column] ?? 0;
  }
  return turned;
}

/** Adds a delta to elements of its tensor, those from `first` on. The sums are made in double precision. */
export function addDelta(values: Float32Array, first: number, { left, right, rank, columns, scale }: Factors): void {
  const sums = new Float64Array(Math.min(columns, values.length));
  for (let done = 0; done < values.length;) {
    const [row, column] = [Math.floor((first + done) / columns), (first + done) % columns];
    const run = Math.min(columns - column, values.length - done);
    sums.fill(0, 0, run);
    for (let i = 0; i < rank; i++) {
      const weight = left[row * rank + i] ?? 0;
      const from = i * columns + column;
      for (let k = 0; k < run; k++) sums[k] = (sums[k] ?? 0) + weight * (right[from + k] ?? 0);
    }
    for (let k = 0; k < run; k++) values[done + k] = (values[done + k] ?? 0) + scale * (sums[k] ?? 0);
    done += run;
  }
}
