import type { GgmlType } from '../gguf/ggml-types.ts';
import { byteLengthOf } from '../gguf/ggml-types.ts';
import type { ElementChange, SourceDtype } from '../quantize/decode.ts';
import { dtypeBytes } from '../safetensors/dtypes.ts';
import type { Scale } from '../scales/scale.ts';
import type { TensorView } from '../tensor-view.ts';
import { runsOf, transposedMatrix } from './gather.ts';
import type { Runs } from './gather.ts';

/** How many elements are read, converted and written at once: a multiple of every block, 4 MiB of bfloat16. */
export const chunkElements = 2 * 1024 * 1024;

/** How elements of one tensor get from a shard to a GGUF file. Offsets count bytes from the files' starts. */
export interface TensorMove {
  readonly shard: string;
  readonly sourceOffset: number;
  readonly dtype: SourceDtype;
  /** By what the elements are multiplied; `first` is the element of the tensor that `sourceOffset` leads to. */
  readonly scale?: Scale & { readonly first: number };
  /** Which elements of the tensor, in which order, with as few axes as possible; without it, one after the other. */
  readonly view?: TensorView | undefined;
  readonly elements: number;
  readonly targetOffset: number;
  readonly type: GgmlType;
  readonly addend: number;
  /** What each element becomes, where it does not stay. */
  readonly change: ElementChange | undefined;
}

/** A piece of a move, of at most `chunkElements` elements. Of a view it shows those from the element `first` on. */
export interface Chunk extends TensorMove {
  readonly first: number;
}

/** Cuts a move into chunks, in order. One that ends matrices which are transposed has nothing of the next. */
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
export function isCopy({ dtype, type, addend, change, scale }: TensorMove): boolean {
  return dtype === type && scale === undefined && addend === 0 && change === undefined;
}

/** Bytes that a move or a chunk writes. */
export function writtenBytes({ elements, type }: TensorMove): number {
  return byteLengthOf(type, elements);
}

/** Which elements a chunk needs, counted from the one at `sourceOffset`. A view may leave gaps between them. */
export function sourceRuns({ elements, first, view }: Chunk): Runs {
  return view === undefined ? { start: 0, length: elements, count: 1, step: 0 } : runsOf(view, first, elements);
}
