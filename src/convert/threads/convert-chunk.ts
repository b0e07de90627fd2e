import { readSync, writeSync } from 'node:fs';
import { VserveError } from '../../errors/index.ts';
import type { StoredMatrix } from '../adapters/adapter-tensors.ts';
import { addDelta, factorsOf } from '../adapters/delta.ts';
import type { Delta, Factors } from '../adapters/delta.ts';
import { add, changeElements, decode } from '../quantize/decode.ts';
import type { SourceDtype } from '../quantize/decode.ts';
import { encode } from '../quantize/encode.ts';
import { quantizeBf16ToQ8 } from '../quantize/q8-0.ts';
import { writeError } from '../write-error.ts';
import { multiplyByScales } from '../scales/scale.ts';
import { dtypeBytes } from '../safetensors/dtypes.ts';
import { isCopy, sourceRuns, writtenBytes } from './chunk.ts';
import type { Chunk } from './chunk.ts';
import { gather, transposedMatrix, viewOfRuns } from './gather.ts';
import type { Runs } from './gather.ts';
import type { Descriptors } from './messages.ts';

/** Arrays that move elements of each dtype about without looking at their values. */
const elementArrays = {
  F64: Float64Array,
  F32: Uint32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  F8_E4M3: Uint8Array,
  F8_E5M2: Uint8Array,
  I8: Uint8Array,
} as const;

/** The buffers that one thread uses for every chunk. They grow to the largest chunk and never beyond. */
export class ChunkConverter {
  #input = new ArrayBuffer(0);
  #gathered = new ArrayBuffer(0);
  #values = new Float32Array(0);
  #output = new ArrayBuffer(0);
  #scaled = new ArrayBuffer(0);
  #adapted = new ArrayBuffer(0);
  /** Of the tensor that the last chunk was a part of. */
  #factors: { readonly of: string; readonly factors: Factors } | undefined;

  /**
   * Reads a chunk, its scale and what an adapter adds to it, converts it and writes it. Returns the bytes written. Blocks
   * its thread: it is for worker threads.
   *
   * Throws `safetensors_invalid` when the shard has become shorter, `disk_full`.
   */
  convert(chunk: Chunk, { source, target, ...others }: Descriptors): number {
    const { elements, type, addend, change } = chunk;
    const runs = sourceRuns(chunk);
    const written = writtenBytes(chunk);
    this.#read(chunk, runs, source);
    const { read, dtype } = this.#corrected(chunk, runs, others);
    const input = this.#inOrder(chunk, read, dtype, runs);
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

  /** Puts the runs into the input, one after the other. */
  #read({ dtype, first, shard, sourceOffset, view }: Chunk, runs: Runs, source: number): void {
    const bytes = dtypeBytes[dtype];
    const length = runs.length * bytes;
    if (this.#input.byteLength < length * runs.count) this.#input = new ArrayBuffer(length * runs.count);
    const input = new Uint8Array(this.#input, 0, length * runs.count);
    const offset = sourceOffset + runs.start * bytes;
    // The first chunk of a matrix has its rows read from end to end: the disk is slow at runs with gaps between them,
    // and the chunks that follow find the rows in memory.
    const matrix = view && transposedMatrix(view);
    const isFirst = matrix !== undefined && runs.count > 1 && first % (matrix.rows * matrix.width) === 0;
    if (isFirst) readThrough(source, input, offset, (runs.count - 1) * runs.step * bytes + length);
    for (let run = 0; run < runs.count; run++) {
      readFully(source, input.subarray(run * length, (run + 1) * length), offset + run * runs.step * bytes, shard);
    }
  }

  /** The elements that were read; with a scale or a delta in single precision. */
  #corrected(chunk: Chunk, runs: Runs, { scale, delta }: Pick<Descriptors, 'scale' | 'delta'>): Elements {
    const scaled: Elements =
      chunk.scale === undefined
        ? { read: this.#input, dtype: chunk.dtype }
        : { read: this.#scale(chunk, chunk.scale, runs, scale), dtype: 'F32' };
    return chunk.delta === undefined ? scaled : this.#adapt(chunk, chunk.delta, runs, scaled, delta);
  }

  #adapt(chunk: Chunk, delta: NonNullable<Chunk['delta']>, runs: Runs, given: Elements, source: number): Elements {
    const count = runs.length * runs.count;
    if (this.#adapted.byteLength < count * 4) this.#adapted = new ArrayBuffer(count * 4);
    const values = new Float32Array(this.#adapted, 0, count);
    decode(given.read, given.dtype, count, values);
    const factors = this.#factorsOf(delta, source);
    const start = delta.first + (chunk.view === undefined ? chunk.first : runs.start);
    for (let run = 0; run < runs.count; run++) {
      addDelta(values.subarray(run * runs.length, (run + 1) * runs.length), start + run * runs.step, factors);
    }
    return { read: this.#adapted, dtype: 'F32' };
  }

  #factorsOf(delta: Delta, source: number): Factors {
    const of = `${delta.shard} ${String(delta.a.offset)}`;
    if (this.#factors?.of === of) return this.#factors.factors;
    const read = (matrix: StoredMatrix): Float32Array => readMatrix(source, matrix, delta.shard);
    const factors = factorsOf(delta, read(delta.a), read(delta.b));
    this.#factors = { of, factors };
    return factors;
  }

  /** The elements that were read, in single precision and multiplied by their scales. */
  #scale(chunk: Chunk, scale: NonNullable<Chunk['scale']>, runs: Runs, source: number): ArrayBuffer {
    const count = runs.length * runs.count;
    if (this.#scaled.byteLength < count * 4) this.#scaled = new ArrayBuffer(count * 4);
    const values = new Float32Array(this.#scaled, 0, count);
    decode(this.#input, chunk.dtype, count, values);
    const stored = new ArrayBuffer(scale.elements * dtypeBytes[scale.dtype]);
    readFully(source, new Uint8Array(stored), scale.offset, scale.shard);
    const scales = new Float32Array(scale.elements);
    decode(stored, scale.dtype, scale.elements, scales);
    const start = scale.first + (chunk.view === undefined ? chunk.first : runs.start);
    for (let run = 0; run < runs.count; run++) {
      const ofRun = values.subarray(run * runs.length, (run + 1) * runs.length);
      multiplyByScales(ofRun, runs.length, start + run * runs.step, scale.axes, scales);
    }
    return this.#scaled;
  }

  /** The chunk's elements, one after the other, of those that were read. */
  #inOrder({ elements, first, view }: Chunk, input: ArrayBuffer, dtype: SourceDtype, runs: Runs): ArrayBuffer {
    if (view === undefined) return input;
    const bytes = dtypeBytes[dtype];
    if (this.#gathered.byteLength < elements * bytes) this.#gathered = new ArrayBuffer(elements * bytes);
    const ElementArray = elementArrays[dtype];
    const from = new ElementArray(input, 0, runs.length * runs.count);
    const target = new ElementArray(this.#gathered, 0, elements);
    if (runs.count === 1) gather(from, runs.start, view, first, elements, target);
    else {
      const read = viewOfRuns(runs, first);
      gather(from, 0, read.view, read.first, elements, target);
    }
    return this.#gathered;
  }
}

interface Elements {
  readonly read: ArrayBuffer;
  readonly dtype: SourceDtype;
}

/** A matrix of an adapter in single precision. Throws `safetensors_invalid`. */
export function readMatrix(
  descriptor: number,
  { offset, dtype, rows, columns }: StoredMatrix,
  shard: string,
): Float32Array {
  const stored = new ArrayBuffer(rows * columns * dtypeBytes[dtype]);
  readFully(descriptor, new Uint8Array(stored), offset, shard);
  const values = new Float32Array(rows * columns);
  decode(stored, dtype, values.length, values);
  return values;
}

/** Reads what is there of `length` bytes, for nothing but that the system has them at hand. */
function readThrough(descriptor: number, buffer: Uint8Array, offset: number, length: number): void {
  for (let done = 0; done < length;) {
    const count = readSync(descriptor, buffer, 0, Math.min(buffer.byteLength, length - done), offset + done);
    if (count === 0) return;
    done += count;
  }
}

function readFully(descriptor: number, buffer: Uint8Array, offset: number, shard: string): void {
  for (let done = 0; done < buffer.byteLength;) {
    const count = readSync(descriptor, buffer, done, buffer.byteLength - done, offset + done);
    if (count === 0) {
      throw new VserveError('safetensors_invalid', `${shard} shrank while it was being converted.`);
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
