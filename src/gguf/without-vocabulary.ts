import { open } from 'node:fs/promises';
import { HeaderReader } from './header-reader.ts';
import { readGgufHeader, skipGgufValue } from './read-header.ts';

const stringType = 8;
const uint32Type = 4;
const arrayType = 9;
/** What a vocabulary is made of, and what is written by it. */
const ofVocabulary =
  /^tokenizer\.(ggml\.(model|tokens|scores|token_type|merges|precompiled_charsmap)|chat_template(\..+)?|huggingface\.json)$/;

/**
 * The header of a GGUF file as a file of its own, without the vocabulary, which is most of it: for what a model's shapes tell.
 * llama.cpp takes such a file for a model with nameless tokens. Undefined for a file without one. Throws `gguf_invalid`, or
 * the system's error.
 */
export async function headerWithoutVocabulary(path: string): Promise<Buffer | undefined> {
  const { byteLength, keyValues } = await readGgufHeader(path);
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(byteLength), 0, byteLength, 0);
    return stripped(buffer.subarray(0, bytesRead), String(keyValues.get('general.architecture')));
  } finally {
    await file.close();
  }
}

function stripped(bytes: Buffer, architecture: string): Buffer | undefined {
  const reader = new HeaderReader(bytes);
  reader.skip(8); // magic and version
  const tensorCount = reader.count();
  const keyCount = reader.count();
  const sizeKey = `${architecture}.vocab_size`;
  const kept: Buffer[] = [];
  let tokenCount: number | undefined;
  for (let place = 0; place < keyCount; place += 1) {
    const start = reader.position;
    const key = reader.string();
    const type = reader.uint32();
    if (key === 'tokenizer.ggml.tokens' && type === arrayType) tokenCount = lengthOfArray(bytes, reader.position);
    skipGgufValue(reader, type);
    if (!ofVocabulary.test(key) && key !== sizeKey) kept.push(bytes.subarray(start, reader.position));
  }
  if (tokenCount === undefined) return undefined;
  const keyValues = [...kept, textOf('tokenizer.ggml.model', 'no_vocab'), numberOf(sizeKey, tokenCount)];
  const counts = Buffer.alloc(16);
  counts.writeBigUInt64LE(BigInt(tensorCount), 0);
  counts.writeBigUInt64LE(BigInt(keyValues.length), 8);
  const header = Buffer.concat([bytes.subarray(0, 8), counts, ...keyValues, bytes.subarray(reader.position)]);
  // Its end is where tensors would begin, at any alignment.
  return Buffer.concat([header, Buffer.alloc(4096)]);
}

function lengthOfArray(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at + 4));
}

function textOf(key: string, value: string): Buffer {
  return Buffer.concat([stringBytes(key), uint32(stringType), stringBytes(value)]);
}

function numberOf(key: string, value: number): Buffer {
  return Buffer.concat([stringBytes(key), uint32(uint32Type), uint32(value)]);
}

function stringBytes(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([length, bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
