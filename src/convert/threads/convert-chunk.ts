import { readSync, writeSync } from 'node:fs';
import { VserveError } from '../../errors/index.ts';
import { add, changeElements, decode } from '../quantize/decode.ts';
import { encode } from '../quantize/encode.ts';
import { quantizeBf16ToQ8 } from '../quantize/q8-0.ts';
import { writeError } from '../write-error.ts';
import { dtypeBytes } from '../safetensors/dtypes.ts';
import { isCopy, sourceRange, writtenBytes } from './chunk.ts';
import type { Chunk } from './chunk.ts';
import { gather, spanOf } from './gather.ts';

/** Arrays that move elements of each dtype about without looking at their values. */
const elementArrays = { F64: Float64Array, F32: Uint32Array, F16: Uint16Array, BF16: Uint16Array } as const;

/** The buffers that one thread uses for every chunk. They grow to the largest chunk and never beyond. */
export class ChunkConverter {
  #input = new ArrayBuffer(0);
  #gathered = new ArrayBuffer(0);
  #values = new Float32Array(0);
  #output = new ArrayBuffer(0);

  /**
   * Reads a chunk from `source`, converts it and writes it to `target`, both open file descriptors. Returns the bytes
   * written. Blocks its thread: it is for worker threads.
   *
   * @throws VserveError `safetensors_invalid` when the shard has become shorter, `disk_full`
   */
  convert(chunk: Chunk, source: number, target: number): number {
    const { dtype, elements, type, addend, change } = chunk;
    const { offset, length } = sourceRange(chunk);
    const written = writtenBytes(chunk);
    if (this.#input.byteLength < length) this.#input = new ArrayBuffer(length);
    readFully(source, new Uint8Array(this.#input, 0, length), offset, chunk.shard);
    const input = this.#inOrder(chunk, length);
    if (isCopy(chunk)) {
      writeFully(target, new Uint8Array(input, 0, written), chunk.targetOffset);
      return written;
    }
    if (this.#output.byteLength < written) this.#output = new ArrayBuffer(written);
    if (dtype === 'BF16' && type === 'Q8_0' && addend === 0 && change === undefined) {
      quantizeBf16ToQ8(input, elements, new Uint8Array(this.#output));
      writeFully(target, new Uint8Array(this.#output, 0, written), chunk.targetOffset);
      return written;
    }
    if (this.#values.length < elements) this.#values = new Float32Array(elements);
    decode(input, dtype, elements, this.#values);
    if (change !== undefined) changeElements(this.#values, elements, change, dtype);
    if (addend !== 0) add(this.#values, elements, addend, dtype);
    encode(this.#values, elements, type, this.#output);
    writeFully(target, new Uint8Array(this.#output, 0, written), chunk.targetOffset);
    return written;
  }

  /** The chunk's elements, one after the other, of the `length` bytes that were read. */
  #inOrder({ dtype, elements, first, view }: Chunk, length: number): ArrayBuffer {
    if (view === undefined) return this.#input;
    const bytes = dtypeBytes[dtype];
    if (this.#gathered.byteLength < elements * bytes) this.#gathered = new ArrayBuffer(elements * bytes);
    const ElementArray = elementArrays[dtype];
    const from = new ElementArray(this.#input, 0, length / bytes);
    const [start] = spanOf(view, first, elements);
    gather(from, start, view, first, elements, new ElementArray(this.#gathered, 0, elements));
    return this.#gathered;
  }
}

function readFully(descriptor: number, buffer: Uint8Array, offset: number, shard: string): void {
  for (let done = 0; done < buffer.byteLength;) {
    const count = readSync(descriptor, buffer, done, buffer.byteLength - done, offset + done);
    if (count === 0) {
      throw new VserveError('safetensors_invalid', `${shard} became shorter while it was converted.`);
    }
    done += count;
  }
}

function writeFully(descriptor: number, buffer: Uint8Array, offset: number): void {
  try {
    for (let done = 0; done < buffer.byteLength;) {
      done += writeSync(descriptor, buffer, done, buffer.byteLength - done, offset + done);
    }
  } catch (error) {
    throw writeError(error, 'the destination');
  }
}
