import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { describeCheckpoint, describeGguf } from '../../src/convert/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import { parseGgufHeader } from '../../src/gguf/read-header.ts';
import { mixedType } from '../../src/convert/quantize/mixtures.ts';
import { shapesCheckpointDir } from '../support/shapes.ts';

const shapes = {
  family: 'gemma3',
  name: 'Shapes Vlm',
  precision: 'bf16',
  parameters: 1_682_944,
  visionParameters: 336_672,
  contextLength: 2048,
  // 4 layers, 1 head of keys and values of 96 numbers each, 2 bytes a number.
  contextBytesPerToken: 1536,
  mmprojBytes: 810_080,
};

test('a checkpoint is described without converting it', async () => {
  const description = await describeCheckpoint(shapesCheckpointDir, new AbortController().signal);
  expect(description).toMatchObject({ ...shapes, architecture: 'Gemma3ForConditionalGeneration' });
  expect(description.sizes[0]).toEqual({ precision: 'bf16', bytes: 3_415_008 });
});

test('its conversion is described in the same way', async () => {
  const description = await describeGguf(inject('shapesModelPath'), inject('shapesMmprojPath'));
  expect(description).toMatchObject({ ...shapes, sizes: [{ precision: 'bf16', bytes: 3_415_008 }] });
});

test('an abort ends a description', async () => {
  const signal = AbortSignal.abort(new Error('stopped by hand'));
  await expect(describeCheckpoint(shapesCheckpointDir, signal)).rejects.toThrow('stopped by hand');
});

test('a file with a header that is cut or changed is refused by name, and never read past its end', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-describe-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'model.gguf');
  const whole = await readFile(inject('shapesMmprojPath'));
  const { byteLength } = parseGgufHeader(whole);
  for (let length = 0; length < byteLength - 32; length += 397) {
    await writeFile(path, whole.subarray(0, length));
    await expect(describeGguf(path, undefined)).rejects.toMatchObject({
      code: 'gguf_invalid',
      message: expect.stringContaining(path),
    });
  }
  for (let i = 0; i < byteLength; i += 11) {
    const changed = Buffer.from(whole.subarray(0, byteLength));
    changed[i] = 255;
    await writeFile(path, changed);
    await describeGguf(path, undefined).catch((error: unknown) => expect(error).toBeInstanceOf(VserveError));
  }
});

const uint32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
const uint64 = (value: bigint): Buffer => Buffer.from(BigUint64Array.of(value).buffer);
const text = (value: string): Buffer => Buffer.concat([uint64(BigInt(Buffer.byteLength(value))), Buffer.from(value)]);

// Of value types, 4 is a uint32, 8 a string and 9 an array; what follows is no longer of the file.
test.each<[string, Buffer[], string]>([
  [
    'the length of a string',
    [text('general.name'), uint32(8), uint64(2n ** 33n)],
    'the value of "general.name" takes 8589934592 bytes from byte 56 of the file on, which has 96 bytes',
  ],
  ['the length of a key', [uint64(2n ** 50n)], 'key 1 of 1 takes 1125899906842624 bytes from byte 32'],
  [
    'the length of an array',
    [text('a'), uint32(9), uint32(4), uint64(2n ** 40n)],
    'the value of "a" takes 4398046511104',
  ],
  ['the type of a value', [text('a'), uint32(77)], 'the value of "a" is of the unknown type 77'],
  ['the alignment', [text('general.alignment'), uint32(4), uint32(0)], 'its general.alignment is 0'],
])('what is wrong in a header is told: %s', async (_, keyValue, message) => {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-describe-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'model.gguf');
  const begin = Buffer.concat([Buffer.from('GGUF'), uint32(3), uint64(0n), uint64(1n), ...keyValue]);
  await writeFile(path, Buffer.concat([begin, Buffer.alloc(40)]));
  await expect(describeGguf(path, undefined)).rejects.toMatchObject({
    code: 'gguf_invalid',
    message: expect.stringContaining(message),
  });
});

test('rows that are no whole blocks get a type with smaller ones', () => {
  const model = { blockCount: 24, expertCount: 0, tiedEmbeddings: true };
  const cases: readonly [string, number, Parameters<typeof mixedType>[2], string | undefined][] = [
    ['blk.10.attn_q.weight', 2048, 'q4_k_m', 'Q4_K'],
    ['blk.10.attn_q.weight', 2080, 'q4_k_m', 'Q5_0'],
    ['blk.10.attn_q.weight', 2081, 'q4_k_m', 'F16'],
    ['blk.0.ffn_down.weight', 2048, 'q4_k_m', 'Q6_K'],
    ['blk.3.ffn_down.weight', 2048, 'q5_k_m', 'Q5_K'],
    ['blk.5.attn_v.weight', 2048, 'q5_k_m', 'Q6_K'],
    ['blk.23.attn_v.weight', 2080, 'q4_k_m', 'Q8_0'],
    ['token_embd.weight', 2048, 'q4_0', 'Q6_K'],
    ['token_embd.weight', 2080, 'q6_k', 'Q8_0'],
    ['blk.1.attn_norm.weight', 2048, 'q4_0', undefined],
  ];
  for (const [name, row, mixture, type] of cases) expect(mixedType(name, [64, row], mixture, model)).toBe(type);
});
