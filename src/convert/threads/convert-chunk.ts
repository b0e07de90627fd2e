import { readSync, writeSync } from 'node:fs';
import { VserveError } from '../../errors/index.ts';
import { add, decode } from '../quantize/decode.ts';
import { encode } from '../quantize/encode.ts';
import { quantizeBf16ToQ8 } from '../quantize/q8-0.ts';
import { writeError } from '../write-error.ts';
import { chunkBytes, isCopy } from './chunk.ts';
import type { Chunk } from './chunk.ts';

/** The buffers that one thread uses for every chunk. They grow to the largest chunk and never beyond. */
export class ChunkConverter {
  #input = new ArrayBuffer(0);
  #values = new Float32Array(0);
  #output = new ArrayBuffer(0);

  /**
   * Reads a chunk from `source`, converts it and writes it to `target`, both open file descriptors. Returns the bytes
   * written. Blocks its thread: it is for worker threads.
   *
   * @throws VserveError `safetensors_invalid` when the shard has become shorter, `disk_full`
   */
  convert(chunk: Chunk, source: number, target: number): number {
    const { read, written } = chunkBytes(chunk);
    if (this.#input.byteLength < read) this.#input = new ArrayBuffer(read);
    readFully(source, new Uint8Array(this.#input, 0, read), chunk.sourceOffset, chunk.shard);
    if (isCopy(chunk)) {
      writeFully(target, new Uint8Array(this.#input, 0, read), chunk.targetOffset);
      return written;
    }
    const { dtype, elements, type, addend } = chunk;
    if (this.#output.byteLength < written) this.#output = new ArrayBuffer(written);
    if (dtype === 'BF16' && type === 'Q8_0' && addend === 0) {
      quantizeBf16ToQ8(this.#input, elements, new Uint8Array(this.#output));
      writeFully(target, new Uint8Array(this.#output, 0, written), chunk.targetOffset);
      return written;
    }
    if (this.#values.length < elements) this.#values = new Float32Array(elements);
    decode(this.#input, dtype, elements, this.#values);
    if (addend !== 0) add(this.#values, elements, addend, dtype);
    encode(this.#values, elements, type, this.#output);
    writeFully(target, new Uint8Array(this.#output, 0, written), chunk.targetOffset);
    return written;
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
