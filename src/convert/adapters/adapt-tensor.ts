import type { TensorView } from '../tensor-view.ts';
import type { StoredMatrix } from './adapter-tensors.ts';
import { transposed } from './delta.ts';
import type { AdaptedPiece, AdaptedTensor } from './plan-adapter.ts';
import { indicesOf } from './split-view.ts';

/** One of the two matrices of a tensor as GGUF has them, row-major. */
export interface GgufMatrix {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** A tensor's matrices: the tensor changes by `b` times `a`, times the adapter's alpha by their rank. */
export interface GgufPair {
  readonly a: GgufMatrix;
  readonly b: GgufMatrix;
}

type ReadMatrix = (matrix: StoredMatrix) => Float32Array;

/** Makes the matrices that llama.cpp wants for a tensor. Where its scale is another than alpha by rank, `b` has the rest. */
export function adaptTensor({ name, shape, pieces }: AdaptedTensor, alpha: number, read: ReadMatrix): GgufPair {
  const [only] = pieces;
  if (only?.pair?.isEmbedding === true) return embeddingPair(only, alpha, read);
  const parts = pieces.map((piece) => partOf(piece, read));
  const columns = shape.at(-1) ?? 1;
  if (shape.length === 3) return stacked(parts, alpha, shape);
  if (parts.length > 1) return joined(parts, alpha, columns);
  const [part] = parts;
  if (part === undefined) throw new TypeError(`${name} has no pieces.`);
  const { a, b, rank, rows } = part;
  return {
    a: { shape: [rank, columns], values: a },
    b: { shape: [rows, rank], values: multiplied(b, ratio(part, rank, alpha)) },
  };
}

interface Part {
  /** `[rank, columns]` */
  readonly a: Float32Array;
  /** `[rows, rank]` */
  readonly b: Float32Array;
  readonly rank: number;
  readonly rows: number;
  readonly scale: number;
}

function partOf({ pair, view, scale }: AdaptedPiece, read: ReadMatrix): Part {
  const rows = indicesOf(view.rows);
  if (pair === undefined) {
    return { a: new Float32Array(), b: new Float32Array(), rank: 0, rows: rows.length, scale };
  }
  const { rank } = pair;
  const a = picked(read(pair.a), rank, pair.a.columns, view.columns);
  const b = new Float32Array(rows.length * rank);
  const all = read(pair.b);
  for (const [i, row] of rows.entries()) b.set(all.subarray(row * rank, (row + 1) * rank), i * rank);
  return { a, b, rank, rows: rows.length, scale };
}

/** The columns of a matrix that a view shows. */
function picked(values: Float32Array, rows: number, width: number, view: TensorView): Float32Array {
  const columns = indicesOf(view);
  const isWhole = columns.length === width && columns.every((column, i) => column === i);
  if (isWhole) return values;
  const result = new Float32Array(rows * columns.length);
  for (let row = 0; row < rows; row++) {
    for (const [i, column] of columns.entries()) {
      result[row * columns.length + i] = values[row * width + column] ?? 0;
    }
  }
  return result;
}

/** llama.cpp looks up rows of `a`, and has one for each token. */
function embeddingPair({ pair, view, scale }: AdaptedPiece, alpha: number, read: ReadMatrix): GgufPair {
  if (pair === undefined) throw new TypeError('An embedding without its matrices.');
  const { rank } = pair;
  const rows = indicesOf(view.rows);
  const all = transposed(read(pair.a), pair.a);
  const a = new Float32Array(rows.length * rank);
  for (const [i, row] of rows.entries()) a.set(all.subarray(row * rank, (row + 1) * rank), i * rank);
  const b = multiplied(read(pair.b), ratio({ scale }, rank, alpha));
  return { a: { shape: [rows.length, rank], values: a }, b: { shape: [pair.b.rows, rank], values: b } };
}

/** Parts of different matrices, one below the other: the rank is the sum of theirs. */
function joined(parts: readonly Part[], alpha: number, columns: number): GgufPair {
  const [first] = parts;
  const shared = first !== undefined && parts.every(({ a }) => isSame(a, first.a));
  const rank = shared ? first.rank : parts.reduce((sum, part) => sum + part.rank, 0);
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const a = shared ? first.a : new Float32Array(rank * columns);
  const b = new Float32Array(rows * rank);
  let [row, column] = [0, 0];
  for (const part of parts) {
    const values = multiplied(part.b, ratio(part, rank, alpha));
    if (!shared) a.set(part.a, column * columns);
    for (let i = 0; i < part.rows; i++) {
      b.set(values.subarray(i * part.rank, (i + 1) * part.rank), (row + i) * rank + column);
    }
    row += part.rows;
    column += shared ? 0 : part.rank;
  }
  return { a: { shape: [rank, columns], values: a }, b: { shape: [rows, rank], values: b } };
}

/** One matrix for each expert, all of the largest rank. */
function stacked(
  parts: readonly Part[],
  alpha: number,
  [experts = 0, rows = 0, columns = 0]: readonly number[],
): GgufPair {
  const rank = Math.max(...parts.map((part) => part.rank));
  const a = new Float32Array(experts * rank * columns);
  const b = new Float32Array(experts * rows * rank);
  for (const [expert, part] of parts.entries()) {
    const values = multiplied(part.b, ratio(part, rank, alpha));
    a.set(part.a, expert * rank * columns);
    for (let row = 0; row < part.rows; row++) {
      b.set(values.subarray(row * part.rank, (row + 1) * part.rank), (expert * rows + row) * rank);
    }
  }
  return { a: { shape: [experts, rank, columns], values: a }, b: { shape: [experts, rows, rank], values: b } };
}

/** What `b` has to be multiplied by, since llama.cpp multiplies by alpha and divides by the rank. */
function ratio({ scale }: Pick<Part, 'scale'>, rank: number, alpha: number): number {
  const exact = (scale * rank) / alpha;
  return Math.abs(exact - 1) < 1e-9 ? 1 : exact;
}

function multiplied(values: Float32Array, factor: number): Float32Array {
  return factor === 1 ? values : values.map((value) => value * factor);
}

function isSame(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
