import type { GgmlType } from '../gguf/ggml-types.ts';
import { byteLengthOf } from '../gguf/ggml-types.ts';
import type { FloatDtype } from '../quantize/decode.ts';
import { dtypeBytes } from '../safetensors/dtypes.ts';

/** How many elements are read, converted and written at once: a multiple of every block, 4 MiB of bfloat16. */
export const chunkElements = 2 * 1024 * 1024;

/** How the elements of one tensor get from a shard to a GGUF file. Offsets count bytes from the files' starts. */
export interface TensorMove {
  readonly shard: string;
  readonly sourceOffset: number;
  readonly dtype: FloatDtype;
  readonly elements: number;
  readonly targetOffset: number;
  readonly type: GgmlType;
  readonly addend: number;
}

/** A piece of a move, of at most `chunkElements` elements. */
export type Chunk = TensorMove;

/** Cuts a move into chunks, in order. */
export function* chunksOf(move: TensorMove): Generator<Chunk, void, undefined> {
  for (let done = 0; done < move.elements; done += chunkElements) {
    yield {
      ...move,
      elements: Math.min(chunkElements, move.elements - done),
      sourceOffset: move.sourceOffset + done * dtypeBytes[move.dtype],
      targetOffset: move.targetOffset + byteLengthOf(move.type, done),
    };
  }
}

/** Whether the bytes of a move stay as they are. */
export function isCopy({ dtype, type, addend }: TensorMove): boolean {
  return dtype === type && addend === 0;
}

/** Bytes that a chunk reads, and bytes that it writes. */
export function chunkBytes({ dtype, elements, type }: Chunk): { read: number; written: number } {
  return { read: elements * dtypeBytes[dtype], written: byteLengthOf(type, elements) };
}
