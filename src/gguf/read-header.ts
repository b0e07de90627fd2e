import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { messageOf, VserveError } from '../errors/index.ts';
import { isLfsPointer, lfsPointerMessage } from '../formats/git-lfs.ts';
import { EndsTooEarly, HeaderReader } from './header-reader.ts';
import type { GgufScalar } from './header-reader.ts';

/** A tensor as a GGUF header lists it. `shape` is row-major, outermost first; `type` is its number in ggml.h. */
export interface GgufTensorInfo {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: number;
}

/** The part of a GGUF file before its tensors' bytes. Long arrays and arrays of strings, as of a vocabulary, are skipped. */
export interface GgufHeader {
  readonly keyValues: GgufKeyValues;
  readonly tensors: readonly GgufTensorInfo[];
  /** Bytes before the first tensor. */
  readonly byteLength: number;
}

export type { GgufScalar };
export type GgufKeyValues = ReadonlyMap<string, GgufScalar | readonly GgufScalar[]>;

const magic = 0x46_55_47_47; // 'GGUF' in little-endian
const firstReadBytes = 1024 * 1024;
/** A header is mostly vocabulary; Gemma 3's takes 6 MB. */
const maxHeaderBytes = 256 * 1024 * 1024;
const maxDimensions = 4; // GGML_MAX_DIMS
/** Arrays with an entry per layer are shorter. */
const longestArray = 4096;

/** Sizes of the fixed-size value types (ggml/docs/gguf.md); 8 is a string, 9 an array. */
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
 * @throws VserveError `gguf_invalid`; the system's error if the file cannot be read
 */
export async function readGgufHeader(path: string): Promise<GgufHeader> {
  // Opening a pipe blocks until another process writes.
  if (!(await stat(path)).isFile()) throw invalid(path, 'it is not a regular file');
  const file = await open(path, 'r');
  try {
    return await readGrowing(file, path);
  } finally {
    await file.close();
  }
}

/** Reads more and more of the file until that holds the whole header. */
async function readGrowing(file: FileHandle, path: string): Promise<GgufHeader> {
  const { size } = await file.stat();
  for (let bytes = firstReadBytes; ; bytes *= 4) {
    const length = Math.min(bytes, size, maxHeaderBytes);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, 0);
    try {
      return parseGgufHeader(buffer);
    } catch (error) {
      if (error instanceof EndsTooEarly && length === bytes) continue;
      const ends = length < size ? `of which at most ${length} bytes are read` : `which has ${size} bytes`;
      throw invalid(path, error instanceof EndsTooEarly ? `${error.message}, ${ends}` : messageOf(error), error);
    }
  }
}

/** Reads a header from the first bytes of a file. Throws `EndsTooEarly` if they hold less than that. */
export function parseGgufHeader(bytes: Uint8Array): GgufHeader {
  const reader = new HeaderReader(bytes);
  const counts = readCounts(reader, bytes);
  const keyValues = new Map<string, GgufScalar | readonly GgufScalar[]>();
  readKeyValues(reader, counts.keys, keyValues);
  const tensors: GgufTensorInfo[] = [];
  for (let i = 0; i < counts.tensors; i++) {
    reader.item = `tensor ${i + 1} of ${counts.tensors}`;
    tensors.push(readTensorInfo(reader));
  }
  const alignment = keyValues.get('general.alignment') ?? 32;
  if (typeof alignment !== 'number' || alignment < 1) {
    throw new Error(`its general.alignment is ${JSON.stringify(alignment)}`);
  }
  return { keyValues, tensors, byteLength: Math.ceil(reader.position / alignment) * alignment };
}

/**
 * The key-values within the first bytes of a file. What kind of model it is stands before its vocabulary, which makes
 * the rest of a header long. Throws an error for bytes that do not begin as a GGUF file does.
 */
export function parseGgufStart(bytes: Uint8Array): GgufKeyValues {
  const keyValues = new Map<string, GgufScalar | readonly GgufScalar[]>();
  const reader = new HeaderReader(bytes);
  const counts = readCounts(reader, bytes);
  try {
    readKeyValues(reader, counts.keys, keyValues);
  } catch (error) {
    if (!(error instanceof EndsTooEarly)) throw error;
  }
  return keyValues;
}

function readCounts(reader: HeaderReader, bytes: Uint8Array): { readonly tensors: number; readonly keys: number } {
  if (isLfsPointer(bytes)) throw new Error(`it ${lfsPointerMessage}`);
  if (reader.uint32() !== magic) throw new Error('it does not begin with "GGUF"');
  const version = reader.uint32();
  if (version !== 2 && version !== 3) throw new Error(`it has version ${version} of the format, not 2 or 3`);
  return { tensors: reader.count(), keys: reader.count() };
}

function readKeyValues(
  reader: HeaderReader,
  count: number,
  keyValues: Map<string, GgufScalar | readonly GgufScalar[]>,
): void {
  for (let i = 0; i < count; i++) {
    reader.item = `key ${i + 1} of ${count}`;
    const key = reader.string();
    reader.item = `the value of ${JSON.stringify(key)}`;
    const value = readValue(reader, reader.uint32());
    if (value !== undefined) keyValues.set(key, value);
  }
}

function readTensorInfo(reader: HeaderReader): GgufTensorInfo {
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

function readValue(reader: HeaderReader, type: number): GgufScalar | readonly GgufScalar[] | undefined {
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

/** Moves a reader past a value of a type. Throws `EndsTooEarly`, and an error for a type that there is not. */
export function skipGgufValue(reader: HeaderReader, type: number): void {
  if (type === stringType) {
    reader.skipString();
  } else if (type === arrayType) {
    const of = reader.uint32();
    const length = reader.count();
    if (of === stringType) for (let i = 0; i < length; i++) reader.skipString();
    else reader.skip(length * scalarSize(of, reader.item));
  } else {
    reader.skip(scalarSize(type, reader.item));
  }
}

function readScalar(reader: HeaderReader, type: number): GgufScalar {
  if (type === stringType) return reader.string();
  return reader.scalar(type, scalarSize(type, reader.item));
}

function scalarSize(type: number, item: string): number {
  const size = scalarBytes[type];
  if (size === undefined) throw new Error(`${item} is of the unknown type ${type}`);
  return size;
}

function invalid(path: string, reason: string, cause?: unknown): VserveError {
  return new VserveError(
    'gguf_invalid',
    `${path} is not a readable GGUF file: ${reason}. Download or convert it again.`,
    { cause },
  );
}
