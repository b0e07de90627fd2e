import { byteLengthOf } from '../gguf/ggml-types.ts';
import type { TensorMove } from '../plan/tensor-move.ts';
import { dtypeBytes } from '../safetensors/dtypes.ts';
import { runsOf, transposedMatrix } from './gather.ts';
import type { Runs } from './gather.ts';

/** How many elements are read, converted and written at once: a multiple of every block, 4 MiB of bfloat16. */
export const chunkElements = 2 * 1024 * 1024;

/** A piece of a move, of at most `chunkElements` elements. Of a view it shows those from the element `first` on. */
export interface Chunk extends TensorMove {
  readonly first: number;
}

/** Cuts a move into chunks, in order. A chunk never spans two transposed matrices. */
export function* chunksOf(move: TensorMove): Generator<Chunk, void, undefined> {
  const { rows, width } = (move.view && transposedMatrix(move.view)) ?? { rows: 1, width: 1 };
  for (let done = 0; done < move.elements;) {
    const end = Math.min(done + chunkElements, move.elements);
    const endOfMatrix = end - (end % (rows * width));
    const elements = (endOfMatrix > done ? endOfMatrix : end) - done;
    yield {
      ...move,
      first: done,
      elements,
      sourceOffset: move.view === undefined ? move.sourceOffset + done * dtypeBytes[move.dtype] : move.sourceOffset,
      targetOffset: move.targetOffset + byteLengthOf(move.type, done),
    };
    done += elements;
  }
}

/** Whether the bytes of a move stay as they are. */
export function isCopy({ dtype, type, addend, change, scale, delta }: TensorMove): boolean {
  return dtype === type && scale === undefined && delta === undefined && addend === 0 && change === undefined;
}

/** Bytes that a move or a chunk writes. */
export function writtenBytes({ elements, type }: TensorMove): number {
  return byteLengthOf(type, elements);
}

/** Which elements a chunk needs, counted from the one at `sourceOffset`. A view may leave gaps between them. */
export function sourceRuns({ elements, first, view }: Chunk): Runs {
  return view === undefined ? { start: 0, length: elements, count: 1, step: 0 } : runsOf(view, first, elements);
}
