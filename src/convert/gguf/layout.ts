import { VserveError } from '../../errors/index.ts';
import { ByteWriter } from './byte-writer.ts';
import { byteLengthOf, ggmlTypes } from './ggml-types.ts';
import type { GgmlType } from './ggml-types.ts';
import type { GgufValue, KeyValues } from './key-values.ts';

const magic = 0x46_55_47_47; // 'GGUF' in little-endian
const version = 3;
const alignment = 32; // the default; nothing here sets general.alignment

const ranges = { uint32: { least: 0, most: 2 ** 32 - 1 }, int32: { least: -(2 ** 31), most: 2 ** 31 - 1 } } as const;
const valueTypes = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;

/** A tensor of a GGUF file. `shape` is row-major, outermost first (the file stores it reversed). */
export interface GgufTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: GgmlType;
}

/** A vector of single precision whose elements are known beforehand. */
export interface KnownTensor extends GgufTensor {
  readonly type: 'F32';
  readonly values: readonly number[];
}

/**
 * Everything of a GGUF file up to the first tensor's bytes that are not known beforehand; `offsets` (one for each of
 * the others) count from the file's start.
 */
export interface GgufLayout {
  readonly header: Uint8Array<ArrayBuffer>;
  readonly offsets: readonly number[];
  readonly byteLength: number;
}

const align = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

/** The number of elements of a tensor. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Lays out a GGUF file, version 3, little-endian (ggml/docs/gguf.md): key-values, the `known` tensors, the others.
 * Tensors start at multiples of 32 bytes. Throws `checkpoint_invalid` for a key-value that does not fit its type.
 */
export function layOut(
  keyValues: KeyValues,
  known: readonly KnownTensor[],
  tensors: readonly GgufTensor[],
): GgufLayout {
  const writer = new ByteWriter();
  writer.uint32(magic);
  writer.uint32(version);
  writer.uint64(known.length + tensors.length);
  writer.uint64(keyValues.size);
  for (const [key, value] of keyValues) {
    writer.string(key);
    writer.uint32(valueTypes[value.type]);
    checkRange(key, value);
    writeValue(writer, value);
  }
  const dataOffsets: number[] = [];
  let dataBytes = 0;
  for (const { name, shape, type } of [...known, ...tensors]) {
    writer.string(name);
    writer.uint32(shape.length);
    for (const size of shape.toReversed()) writer.uint64(size);
    writer.uint32(ggmlTypes[type].id);
    writer.uint64(dataBytes);
    dataOffsets.push(dataBytes);
    dataBytes += align(byteLengthOf(type, elementCount(shape)));
  }
  writer.alignTo(alignment);
  const dataStart = writer.length;
  for (const { values } of known) {
    for (const value of values) writer.float32(value);
    writer.alignTo(alignment);
  }
  return {
    header: writer.bytes(),
    offsets: dataOffsets.slice(known.length).map((offset) => dataStart + offset),
    byteLength: dataStart + dataBytes,
  };
}

/** Throws `checkpoint_invalid` for a number that its type cannot hold. */
function checkRange(key: string, value: GgufValue): void {
  const type = value.type === 'array' ? value.of : value.type;
  if (type !== 'uint32' && type !== 'int32') return;
  const { least, most } = ranges[type];
  const numbers: readonly unknown[] = value.type === 'array' ? value.value : [value.value];
  for (const number of numbers) {
    if (typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most) continue;
    throw new VserveError(
      'checkpoint_invalid',
      `The checkpoint's ${key} is ${String(number)}, and must be a whole number from ${String(least)} to ${String(most)}. The configuration or the tokenizer may be damaged.`,
    );
  }
}

function writeValue(writer: ByteWriter, value: GgufValue): void {
  switch (value.type) {
    case 'bool':
      return writer.uint8(value.value ? 1 : 0);
    case 'string':
      return writer.string(value.value);
    case 'array':
      writer.uint32(valueTypes[value.of]);
      writer.uint64(value.value.length);
      if (value.of === 'string') for (const item of value.value) writer.string(item);
      else if (value.of === 'bool') for (const item of value.value) writer.uint8(item ? 1 : 0);
      else for (const item of value.value) writer[value.of](item);
      return undefined;
    case 'uint32':
    case 'int32':
    case 'float32':
      return writer[value.type](value.value);
  }
}
