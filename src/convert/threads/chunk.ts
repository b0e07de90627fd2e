import type { GgmlType } from '../gguf/ggml-types.ts';
import { byteLengthOf } from '../gguf/ggml-types.ts';
import type { ElementChange, SourceDtype } from '../quantize/decode.ts';
import { dtypeBytes } from '../safetensors/dtypes.ts';
import type { Scale } from '../scales/scale.ts';
import type { TensorView } from '../tensor-view.ts';
import { spanOf } from './gather.ts';

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

/** Cuts a move into chunks, in order. */
export function* chunksOf(move: TensorMove): Generator<Chunk, void, undefined> {
  for (let done = 0; done < move.elements; done += chunkElements) {
    yield {
      ...move,
      first: done,
      elements: Math.min(chunkElements, move.elements - done),
      sourceOffset: move.view === undefined ? move.sourceOffset + done * dtypeBytes[move.dtype] : move.sourceOffset,
      targetOffset: move.targetOffset + byteLengthOf(move.type, done),
    };
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

/** Where in its shard the bytes lie that a chunk needs, and how many they are. A view may leave gaps between them. */
export function sourceRange({ dtype, elements, first, sourceOffset, view }: Chunk): { offset: number; length: number } {
  const bytes = dtypeBytes[dtype];
  if (view === undefined) return { offset: sourceOffset, length: elements * bytes };
  const [start, end] = spanOf(view, first, elements);
  return { offset: sourceOffset + start * bytes, length: (end - start) * bytes };
}
