import { readFile } from 'node:fs/promises';
import { Tokenizer } from '@huggingface/tokenizers';
import { expect, test } from 'vitest';
import { fingerprintOf } from '../../../src/convert/tokenizers/fingerprint.ts';

test('a pre-tokenizer whose pattern never comes to an end is refused', async () => {
  const path = new URL('../../fixtures/tokenizers/gpt2/tokenizer.json', import.meta.url);
  const json = JSON.parse(await readFile(path, 'utf8')) as object;
  expect(fingerprintOf(new Tokenizer(json, {}), {})).toMatch(/^[0-9a-f]{64}$/);
  const endless = {
    ...json,
    pre_tokenizer: { type: 'Split', pattern: { Regex: '(?:[^ ]+|[^ ]{2,})+$' }, behavior: 'Isolated', invert: false },
  };
  expect(() => fingerprintOf(new Tokenizer(endless, {}), {}, 50)).toThrow(
    expect.objectContaining({ code: 'tokenizer_unsupported', message: expect.stringContaining('too long') as string }),
  );
});
