import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { GGMLQuantizationType, gguf, GGUFValueType } from '@huggingface/gguf';
import { ggmlTypes } from '../../../src/convert/gguf/ggml-types.ts';
import type { GgmlType } from '../../../src/convert/gguf/ggml-types.ts';

/** What the fixtures say about a GGUF file: key → [types, value], and [name, shape, type, sha256] of each tensor. */
export interface GgufDescription {
  kv: Record<string, [string[], unknown]>;
  tensors: [string, number[], string, string][];
  sha256: string;
}

const longArray = 64;
const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** Python's `json.dumps` of a list of strings or numbers, of which the fixtures hold the hash. */
function pythonJson(values: readonly unknown[], isFloat: boolean): string {
  const text = (value: unknown): string => {
    if (isFloat && Number.isInteger(value)) return `${Object.is(value, -0) ? '-0' : String(value)}.0`;
    return JSON.stringify(value).replace(
      /[\u007f-\uffff]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  };
  return `[${values.map(text).join(', ')}]`;
}

/** JSON has neither such large numbers nor infinite ones. */
const plain = (value: unknown): unknown => {
  if (value === Infinity || value === -Infinity) return value > 0 ? 'inf' : '-inf';
  return typeof value === 'bigint' ? Number(value) : value;
};

/** Describes a GGUF file as an independent reader, `@huggingface/gguf`, sees it. */
export async function describeGguf(path: string): Promise<GgufDescription> {
  const { typedMetadata, tensorInfos, tensorDataOffset } = await gguf(path, {
    typedMetadata: true,
    allowLocalFile: true,
  });
  const headerKeys = new Set(['version', 'tensor_count', 'kv_count']);
  const kv: GgufDescription['kv'] = {};
  for (const [key, entry] of Object.entries(typedMetadata)) {
    if (headerKeys.has(key)) continue;
    const types = [GGUFValueType[entry.type] ?? '?'];
    const { value } = entry;
    if ('subType' in entry && entry.subType !== undefined) types.push(GGUFValueType[entry.subType] ?? '?');
    const isLong = Array.isArray(value) && value.length > longArray;
    const described = isLong
      ? { count: value.length, sha256: sha256(pythonJson(value.map(plain), types[1] === 'FLOAT32')) }
      : Array.isArray(value)
        ? value.map(plain)
        : plain(value);
    kv[key] = [types, described];
  }
  const file = await readFile(path);
  const tensors = tensorInfos.map(({ name, shape, dtype, offset }): GgufDescription['tensors'][number] => {
    const type = GGMLQuantizationType[dtype] as GgmlType;
    const { blockElements, blockBytes } = ggmlTypes[type];
    const elements = shape.reduce((product, size) => product * Number(size), 1);
    const start = Number(tensorDataOffset + offset);
    const bytes = file.subarray(start, start + (elements / blockElements) * blockBytes);
    return [name, shape.map(Number), type, sha256(bytes)];
  });
  return { kv, tensors, sha256: sha256(file) };
}
