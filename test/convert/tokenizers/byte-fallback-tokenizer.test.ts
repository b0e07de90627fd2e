import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { byteFallbackFiles, byteFallbackSize } from '../../reference/small-tokenizers.ts';
import { CheckpointFolder } from '../../../src/convert/checkpoint/checkpoint-folder.ts';
import { KeyValues } from '../../../src/convert/gguf/key-values.ts';
import { isByteFallback } from '../../../src/convert/tokenizers/byte-fallback-pieces.ts';
import { writeByteFallbackTokenizer } from '../../../src/convert/tokenizers/byte-fallback-tokenizer.ts';
import { temporaryFolder } from '../support/checkpoints.ts';

const tokenizer = byteFallbackFiles['tokenizer.json'] as Readonly<Record<string, object>>;

async function written(vocabularySize: number): Promise<Map<string, unknown>> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'config.json'), '{}');
  for (const [name, content] of Object.entries(byteFallbackFiles)) {
    await writeFile(join(folder, name), JSON.stringify(content));
  }
  const keyValues = new KeyValues();
  await writeByteFallbackTokenizer(new CheckpointFolder(folder), keyValues, tokenizer, vocabularySize);
  return new Map(Array.from(keyValues, ([key, { value }]) => [key, value]));
}

test('is told from byte-level BPE by its fallback to bytes', () => {
  expect(isByteFallback(tokenizer)).toBe(true);
  expect(isByteFallback({ ...tokenizer, model: { ...tokenizer.model, byte_fallback: false } })).toBe(false);
  expect(isByteFallback({ ...tokenizer, decoder: { type: 'ByteLevel' } })).toBe(false);
});

test('rows of the embedding without a token get one', async () => {
  const keyValues = await written(byteFallbackSize + 1);
  expect((keyValues.get('tokenizer.ggml.tokens') as string[]).at(-1)).toBe(`[PAD${byteFallbackSize}]`);
  // An added token that nobody calls special, one of tokenizer_config.json's list, and one without a token.
  expect((keyValues.get('tokenizer.ggml.token_type') as number[]).slice(-4)).toEqual([4, 4, 3, 5]);
});

test('what is merged first has the highest score', async () => {
  const keyValues = await written(byteFallbackSize);
  const tokens = keyValues.get('tokenizer.ggml.tokens') as string[];
  const scores = keyValues.get('tokenizer.ggml.scores') as number[];
  const scoreOf = (token: string): number => scores[tokens.indexOf(token)] ?? 1;
  expect(['\u2581a', '\u2581b', '\u2581c'].map((token) => scoreOf(token))).toEqual([0, -1, -2]);
  expect(scoreOf('a')).toBeLessThan(scoreOf('\u2581n'));
});

test('more tokens than the embedding has rows are refused', async () => {
  await expect(written(byteFallbackSize - 1)).rejects.toMatchObject({
    code: 'checkpoint_invalid',
    message: expect.stringContaining('"<tool>"') as string,
  });
});
