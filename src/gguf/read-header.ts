import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { messageOf, VserveError } from '../errors/index.ts';
import { isLfsPointer, lfsPointerMessage } from '../formats/git-lfs.ts';

/** A tensor as a GGUF header lists it. `shape` is row-major, outermost first; `type` is its number in ggml.h. */
export interface GgufTensorInfo {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: number;
}

/** What a GGUF file says before its tensors' bytes. Long arrays and those of strings, a vocabulary's, are left out. */
export interface GgufHeader {
  readonly keyValues: ReadonlyMap<string, GgufScalar | readonly GgufScalar[]>;
  readonly tensors: readonly GgufTensorInfo[];
  /** Bytes before the first tensor. */
  readonly byteLength: number;
}

export type GgufScalar = string | number | boolean;

const magic = 0x46_55_47_47; // 'GGUF' in little-endian
const firstReadBytes = 1024 * 1024;
/** A header is mostly its vocabulary; Gemma 3's takes 6 MB. */
const maxHeaderBytes = 256 * 1024 * 1024;
const maxDimensions = 4; // GGML_MAX_DIMS
/** Arrays with an entry for each layer are shorter. */
const longestArray = 4096;

/** Bytes of the value types that have one size (ggml/docs/gguf.md); 8 is a string, 9 an array. */
export const scalarBytes: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};
const stringType = 8;
const arrayType = 9;

/**
 * Reads the header of a GGUF file, version 2 or 3, little-endian (ggml/docs/gguf.md), however long it is.
 * @throws VserveError `gguf_invalid`; the system's error where the file cannot be read
 */
export async function readGgufHeader(path: string): Promise<GgufHeader> {
  // A pipe is not even opened until somebody writes.
  if (!(await stat(path)).isFile()) throw invalid(path, 'it is no regular file');
  const file = await open(path, 'r');
  try {
    return await readGrowing(file, path);
  } finally {
    await file.close();
  }
}

/** Reads more and more of the file, until its header is within what was read. */
async function readGrowing(file: FileHandle, path: string): Promise<GgufHeader> {
  const { size } = await file.stat();
  for (let bytes = firstReadBytes; ; bytes *= 4) {
    const length = Math.min(bytes, size, maxHeaderBytes);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, 0);
    try {
      return parseGgufHeader(buffer);
    } catch (error) {
      if (error instanceof EndsTooEarly && length === bytes) continue;
      const ends = length < size ? `of which ${length} bytes are read at most` : `which has ${size} bytes`;
      throw invalid(path, error instanceof EndsTooEarly ? `${error.message}, ${ends}` : messageOf(error), error);
    }
  }
}

/** Bytes that end before the header does. */
class EndsTooEarly extends Error {}

/** Reads a header from the first bytes of a file. Throws `EndsTooEarly` where they end before the header does. */
export function parseGgufHeader(bytes: Uint8Array): GgufHeader {
  if (isLfsPointer(bytes)) throw new Error(`it ${lfsPointerMessage}`);
  const reader = new Reader(bytes);
  if (reader.uint32() !== magic) throw new Error('it does not begin with "GGUF"');
  const version = reader.uint32();
  if (version !== 2 && version !== 3) throw new Error(`it has version ${version} of the format, not 2 or 3`);
  const tensorCount = reader.count();
  const keyCount = reader.count();
  const keyValues = new Map<string, GgufScalar | readonly GgufScalar[]>();
  for (let i = 0; i < keyCount; i++) {
    reader.item = `key ${i + 1} of ${keyCount}`;
    const key = reader.string();
    reader.item = `the value of ${JSON.stringify(key)}`;
    const value = readValue(reader, reader.uint32());
    if (value !== undefined) keyValues.set(key, value);
  }
  const tensors: GgufTensorInfo[] = [];
  for (let i = 0; i < tensorCount; i++) {
    reader.item = `tensor ${i + 1} of ${tensorCount}`;
    tensors.push(readTensorInfo(reader));
  }
  const alignment = keyValues.get('general.alignment') ?? 32;
  if (typeof alignment !== 'number' || alignment < 1) {
    throw new Error(`its general.alignment is ${JSON.stringify(alignment)}`);
  }
  return { keyValues, tensors, byteLength: Math.ceil(reader.position / alignment) * alignment };
}

function readTensorInfo(reader: Reader): GgufTensorInfo {
  const name = reader.string();
  reader.item = `the tensor ${JSON.stringify(name)}`;
  const dimensions = reader.uint32();
  if (dimensions > maxDimensions) throw new Error(`the tensor ${JSON.stringify(name)} has ${dimensions} dimensions`);
  const shape = Array.from({ length: dimensions }, () => reader.count()).toReversed();
  if (!Number.isSafeInteger(shape.reduce((product, size) => product * size, 1))) {
    throw new Error(`the tensor ${JSON.stringify(name)} has the shape [${shape.join(', ')}]`);
  }
  const type = reader.uint32();
  reader.skip(8); // its offset
  return { name, shape, type };
}

function readValue(reader: Reader, type: number): GgufScalar | readonly GgufScalar[] | undefined {
  if (type !== arrayType) return readScalar(reader, type);
  const of = reader.uint32();
  const length = reader.count();
  if (of === stringType) {
    for (let i = 0; i < length; i++) reader.skipString();
    return undefined;
  }
  if (length > longestArray) {
    reader.skip(length * scalarSize(of, reader.item));
    return undefined;
  }
  const values: GgufScalar[] = [];
  for (let i = 0; i < length; i++) values.push(readScalar(reader, of));
  return values;
}

function readScalar(reader: Reader, type: number): GgufScalar {
  if (type === stringType) return reader.string();
  return reader.scalar(type, scalarSize(type, reader.item));
}

function scalarSize(type: number, item: string): number {
  const size = scalarBytes[type];
  if (size === undefined) throw new Error(`${item} is of the unknown type ${type}`);
  return size;
}

/** Reads on through bytes. Throws `EndsTooEarly` at their end. */
class Reader {
  position = 0;
  /** What is being read, for messages. */
  item = 'its beginning';
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  skip(bytes: number): number {
    const start = this.position;
    if (bytes > this.#bytes.byteLength - start) {
      throw new EndsTooEarly(`${this.item} takes ${bytes} bytes from byte ${start} of the file on`);
    }
    this.position += bytes;
    return start;
  }

  uint32(): number {
    return this.#view.getUint32(this.skip(4), true);
  }

  /** A uint64 that counts something; none is so large that a double could not hold it. */
  count(): number {
    return Number(this.#view.getBigUint64(this.skip(8), true));
  }

  skipString(): number {
    return this.skip(this.count());
  }

  string(): string {
    const length = this.count();
    const start = this.skip(length);
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, length).toString('utf8');
  }

  scalar(type: number, bytes: number): GgufScalar {
    const at = this.skip(bytes);
    const view = this.#view;
    if (type === 6) return view.getFloat32(at, true);
    if (type === 7) return view.getUint8(at) !== 0;
    if (type === 12) return view.getFloat64(at, true);
    if (bytes === 8) return Number(type === 11 ? view.getBigInt64(at, true) : view.getBigUint64(at, true));
    if (bytes === 4) return type === 5 ? view.getInt32(at, true) : view.getUint32(at, true);
    if (bytes === 2) return type === 3 ? view.getInt16(at, true) : view.getUint16(at, true);
    return type === 1 ? view.getInt8(at) : view.getUint8(at);
  }
}

function invalid(path: string, reason: string, cause?: unknown): VserveError {
  return new VserveError(
    'gguf_invalid',
    `${path} is not a readable GGUF file: ${reason}. Download or convert it again.`,
    { cause },
  );
}
