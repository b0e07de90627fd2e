import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { tekkenFiles, tekkenSize } from '../../reference/small-tokenizers.ts';
import { CheckpointFolder } from '../../../src/convert/checkpoint/checkpoint-folder.ts';
import { KeyValues } from '../../../src/convert/gguf/key-values.ts';
import { writeTekkenTokenizer } from '../../../src/convert/tokenizers/tekken-tokenizer.ts';
import { changeJson, temporaryFolder } from '../support/checkpoints.ts';

let folder = '';
beforeEach(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder, 'tekken.json'), JSON.stringify(tekkenFiles['tekken.json']));
});

async function written(vocabularySize = tekkenSize): Promise<Map<string, unknown>> {
  const keyValues = new KeyValues();
  await writeTekkenTokenizer(new CheckpointFolder(folder), keyValues, 'llama', vocabularySize);
  return new Map(Array.from(keyValues, ([key, { value }]) => [key, value]));
}

interface TekkenJson {
  readonly config: Readonly<Record<string, unknown>>;
  readonly vocab: readonly { readonly rank: number; readonly token_bytes: string }[];
  readonly special_tokens: readonly { readonly rank: number; readonly token_str: string }[];
}

function change(part: (json: TekkenJson) => Readonly<Record<string, unknown>>): Promise<void> {
  return changeJson(folder, 'tekken.json', (json) => ({ ...json, ...part(json as unknown as TekkenJson) }));
}

const setConfig = (settings: Readonly<Record<string, unknown>>): Promise<void> =>
  change(({ config }) => ({ config: { ...config, ...settings } }));

describe('the chat template', () => {
  test.each([
    ['v3', /\[INST\]\{\{ before/],
    ['v7', /\[SYSTEM_PROMPT\]/],
    ['v13', /\[SYSTEM_PROMPT\]/],
  ])('is that of the format %s', async (version, naming) => {
    await setConfig({ version });
    expect((await written()).get('tokenizer.chat_template')).toMatch(naming);
  });

  test("is the checkpoint's own where it brings one", async () => {
    await writeFile(join(folder, 'chat_template.jinja'), 'own');
    expect((await written()).get('tokenizer.chat_template')).toBe('own');
  });
});

test('rows of the embedding without a token get one', async () => {
  const keyValues = await written(tekkenSize + 2);
  const tokens = keyValues.get('tokenizer.ggml.tokens') as string[];
  expect(tokens.slice(-2)).toEqual([`[PAD${tekkenSize}]`, `[PAD${tekkenSize + 1}]`]);
  expect((keyValues.get('tokenizer.ggml.token_type') as number[]).slice(-3)).toEqual([1, 5, 5]);
  expect(keyValues.get('llama.vocab_size')).toBe(tekkenSize + 2);
});

test('more tokens than the embedding has rows are refused', async () => {
  await expect(written(100)).rejects.toMatchObject({
    code: 'checkpoint_invalid',
    message: expect.stringContaining(`it has ${tekkenSize} tokens, and by config.json there are only 100`) as string,
  });
});

test('files of the first versions have the same special tokens, named or not', async () => {
  const named = await written();
  await change(() => ({ special_tokens: undefined }));
  expect(await written()).toEqual(named);
});

describe('a file that cannot be right is refused', () => {
  test.each<[string, () => Promise<void>, RegExp]>([
    [
      'without special tokens',
      () => setConfig({ version: 'v11' }).then(() => change(() => ({ special_tokens: null }))),
      /names no special/,
    ],
    ['of another format', () => setConfig({ version: 'third' }), /config\.version/],
    [
      'with more special tokens than it says',
      () => setConfig({ default_num_special_tokens: 5 }),
      /more special tokens/,
    ],
    ['with fewer tokens than it says', () => setConfig({ default_vocab_size: 2 ** 24 }), /it has 356 of/],
    ['with no tokens at all', () => setConfig({ default_vocab_size: 25 }), /more special tokens/],
    ['with an endless vocabulary', () => setConfig({ default_vocab_size: 2 ** 40 }), /default_vocab_size/],
    [
      'without a token that is needed',
      () => change(({ special_tokens: special }) => ({ special_tokens: special.slice(0, 2) })),
      /lacks the token <\/s>/,
    ],
    ['out of order', () => change(({ vocab }) => ({ vocab: vocab.toReversed() })), /order of their ranks/],
    [
      'with a token twice',
      () => change(({ vocab }) => ({ vocab: vocab.map((token) => ({ ...token, token_bytes: 'QQ==' })) })),
      /a token twice/,
    ],
    [
      'with a token of no parts',
      () => change(({ vocab }) => ({ vocab: vocab.with(256, { rank: 256, token_bytes: 'enp6eg==' }) })),
      /no two of its tokens make up "zzzz"/,
    ],
    [
      'with bytes that are none',
      () => change(({ vocab }) => ({ vocab: vocab.with(0, { rank: 0, token_bytes: '!' }) })),
      /vocab\.0\.token_bytes/,
    ],
  ])('%s', async (_, spoil, naming) => {
    await spoil();
    await expect(written()).rejects.toMatchObject({
      code: 'checkpoint_invalid',
      message: expect.stringMatching(naming) as string,
    });
  });

  test('or missing', async () => {
    await rm(join(folder, 'tekken.json'));
    await expect(written()).rejects.toMatchObject({ code: 'checkpoint_invalid' });
  });
});
