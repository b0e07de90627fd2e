import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CheckpointFolder } from '../../../src/convert/checkpoint/checkpoint-folder.ts';
import { KeyValues } from '../../../src/convert/gguf/key-values.ts';
import type { GgufValue } from '../../../src/convert/gguf/key-values.ts';
import { writeBpeTokenizer } from '../../../src/convert/tokenizers/bpe-tokenizer.ts';
import { changeJson, temporaryFolder } from '../support/checkpoints.ts';

/** A copy of the files of a real tokenizer, cut down, beside an empty config.json. */
async function tokenizerFolder(name: string): Promise<string> {
  const folder = await temporaryFolder();
  const fixture = fileURLToPath(new URL(`../../fixtures/tokenizers/${name}/`, import.meta.url));
  await cp(fixture, folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), '{}');
  return folder;
}

async function keyValuesOf(folder: string, size: number): Promise<Map<string, GgufValue['value']>> {
  const keyValues = new KeyValues();
  await writeBpeTokenizer(new CheckpointFolder(folder), keyValues, size);
  return new Map(Array.from(keyValues, ([key, { value }]) => [key, value]));
}

test.each([
  ['gpt2', 50_257, 'gpt-2'],
  ['qwen3', 151_936, 'qwen2'],
])('%s is told by what it does', async (name, size, expected) => {
  const written = await keyValuesOf(await tokenizerFolder(name), size);
  expect(written.get('tokenizer.ggml.pre')).toBe(expected);
});

test('a tokenizer that splits text in another way is refused, with its fingerprint', async () => {
  const folder = await tokenizerFolder('qwen3');
  await changeJson(folder, 'tokenizer.json', (json) => ({ ...json, pre_tokenizer: null }));
  await expect(keyValuesOf(folder, 151_936)).rejects.toMatchObject({
    code: 'tokenizer_unsupported',
    message: expect.stringMatching(/fingerprint [0-9a-f]{64}/) as string,
  });
});

test('a tokenizer with more tokens than the model is refused', async () => {
  await expect(keyValuesOf(await tokenizerFolder('gpt2'), 50_000)).rejects.toMatchObject({
    code: 'checkpoint_invalid',
    message: expect.stringContaining('only 50000 tokens') as string,
  });
});

test('a tokenizer of another kind is refused', async () => {
  const folder = await tokenizerFolder('gpt2');
  await changeJson(folder, 'tokenizer.json', (json) => ({ ...json, model: { type: 'Unigram', vocab: [] } }));
  await expect(keyValuesOf(folder, 50_257)).rejects.toMatchObject({
    code: 'checkpoint_invalid',
    message: expect.stringContaining('BPE') as string,
  });
});

test('without a tokenizer.json there is nothing to convert', async () => {
  const folder = await tokenizerFolder('gpt2');
  await rm(join(folder, 'tokenizer.json'));
  await expect(keyValuesOf(folder, 50_257)).rejects.toMatchObject({ code: 'tokenizer_unsupported' });
});
