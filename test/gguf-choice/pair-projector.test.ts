import { describe, expect, test } from 'vitest';
import type { GgufWish } from '../../src/gguf-choice/index.ts';
import { modelHeader, projectorHeader } from '../support/gguf-header.ts';
import { chooseIn } from './choice.ts';
import type { HeadersByPath, Sizes } from './choice.ts';

/** Files of a gigabyte. */
function listing(...paths: string[]): Sizes {
  return Object.fromEntries(paths.map((path) => [path, 1]));
}

async function projectorOf(path: string, files: Sizes, headers: HeadersByPath = {}, wish: Partial<GgufWish> = {}) {
  return (await chooseIn({ ...files, [path]: 1 }, { path, ...wish }, headers)).mmproj;
}

// Pairs as published by ggml-org, unsloth, bartowski, mradermacher, google, Qwen, moondream, mys, cjpais and openbmb,
// from download scripts and model registries in public repositories, unsloth #5347 and GPUStack #5108.
const published: readonly [string, readonly string[], string][] = [
  ['gemma-3-4b-it-Q4_K_M.gguf', ['mmproj-BF16.gguf', 'mmproj-F16.gguf', 'mmproj-F32.gguf'], 'mmproj-F16.gguf'],
  ['UD-Q6_K_XL/Qwen3.5-122B-A10B-UD-Q6_K_XL-00001-of-00001.gguf', ['mmproj-F32.gguf'], 'mmproj-F32.gguf'],
  [
    'gemma-4-31B-it-Q8_0.gguf',
    ['mmproj-gemma-4-31B-it-Q8_0.gguf', 'mmproj-gemma-4-31B-it-bf16.gguf'],
    'mmproj-gemma-4-31B-it-bf16.gguf',
  ],
  [
    'google_gemma-3-27b-it-Q4_K_L.gguf',
    ['mmproj-google_gemma-3-27b-it-f16.gguf', 'mmproj-google_gemma-3-27b-it-f32.gguf'],
    'mmproj-google_gemma-3-27b-it-f16.gguf',
  ],
  ['gemma-3-4b-it-q4_0.gguf', ['mmproj-model-f16-4B.gguf'], 'mmproj-model-f16-4B.gguf'],
  [
    'Qwen2.5-VL-7B-Instruct.Q4_K_M.gguf',
    ['Qwen2.5-VL-7B-Instruct.mmproj-Q8_0.gguf', 'Qwen2.5-VL-7B-Instruct.mmproj-f16.gguf'],
    'Qwen2.5-VL-7B-Instruct.mmproj-f16.gguf',
  ],
  [
    'Qwen3VL-2B-Instruct-Q4_K_M.gguf',
    ['mmproj-Qwen3VL-2B-Instruct-F16.gguf', 'mmproj-Qwen3VL-2B-Instruct-Q8_0.gguf'],
    'mmproj-Qwen3VL-2B-Instruct-F16.gguf',
  ],
  [
    'moondream2-text-model-f16_ct-vicuna.gguf',
    ['moondream2-mmproj-f16-20250414.gguf'],
    'moondream2-mmproj-f16-20250414.gguf',
  ],
  ['ggml-model-q4_k.gguf', ['mmproj-model-f16.gguf'], 'mmproj-model-f16.gguf'],
  ['llava-v1.6-mistral-7b.Q4_K_M.gguf', ['mmproj-model-f16.gguf'], 'mmproj-model-f16.gguf'],
  ['Model-3.6B-F16.gguf', ['mmproj-model-f16.gguf'], 'mmproj-model-f16.gguf'],
  [
    'Ternary-Bonsai-2-27B-PTQ1_0-mtp-lean.gguf',
    ['Ternary-Bonsai-2-27B-mmproj-Q8_0.gguf'],
    'Ternary-Bonsai-2-27B-mmproj-Q8_0.gguf',
  ],
  ['PaddleOCR-VL-1.6-GGUF.gguf', ['PaddleOCR-VL-1.6-GGUF-mmproj.gguf'], 'PaddleOCR-VL-1.6-GGUF-mmproj.gguf'],
];
test.each(published)('%s is paired with the best of %s', async (model, projectors, expected) => {
  expect(await projectorOf(model, listing(...projectors))).toBe(expected);
});

describe('of several models, the projector with the name that has most in common', () => {
  const gemma = listing(
    'mmproj-gemma-3-12b-it-f16.gguf',
    'mmproj-gemma-3-4b-it-f16.gguf',
    'mmproj-gemma-3-4b-it-bf16.gguf',
  );
  test.each([
    ['gemma-3-4b-it-Q4_K_M.gguf', 'mmproj-gemma-3-4b-it-f16.gguf'],
    ['gemma-3-12b-it-Q4_K_M.gguf', 'mmproj-gemma-3-12b-it-f16.gguf'],
    ['gemma-3-12b-it-abliterated-Q4_K_M.gguf', 'mmproj-gemma-3-12b-it-f16.gguf'],
  ])('%s: %s', async (model, projector) => expect(await projectorOf(model, gemma)).toBe(projector));

  test('is told by the longer name', async () => {
    const files = listing('Qwen3.5-9B-BF16-mmproj.gguf', 'Qwen3.5-35B-A3B-BF16-mmproj.gguf');
    expect(await projectorOf('Qwen3.5-35B-A3B-UD-Q4_K_L.gguf', files)).toBe('Qwen3.5-35B-A3B-BF16-mmproj.gguf');
    expect(await projectorOf('Qwen3.5-9B-Q4_K_M.gguf', files)).toBe('Qwen3.5-9B-BF16-mmproj.gguf');
  });

  test('a name that tells no model goes before that of another model', async () => {
    expect(await projectorOf('a-4b-Q4_0.gguf', listing('mmproj-a-12b-F16.gguf', 'mmproj-BF16.gguf'))).toBe(
      'mmproj-BF16.gguf',
    );
  });

  test('a name that tells the model goes before one that tells none', async () => {
    const files = listing('mmproj-F16.gguf', 'mmproj-a-4b-BF16.gguf');
    expect(await projectorOf('a-4b-Q4_0.gguf', files)).toBe('mmproj-a-4b-BF16.gguf');
  });

  test('one in the folder of the model goes before others', async () => {
    const files = listing('4b/mmproj-F32.gguf', '12b/mmproj-F16.gguf', 'mmproj-F16.gguf');
    expect(await projectorOf('4b/model-Q4_0.gguf', files)).toBe('4b/mmproj-F32.gguf');
    expect(await projectorOf('4b/model-Q4_0.gguf', listing('12b/mmproj-F16.gguf'))).toBeUndefined();
    expect(await projectorOf('model-Q4_0.gguf', listing('mmproj/F16.gguf'))).toBe('mmproj/F16.gguf');
  });
});

describe('where the names do not tell, the width of the embeddings', () => {
  const two = listing('mmproj-alpha-f16.gguf', 'mmproj-beta-f16.gguf');
  const headers = {
    'mmproj-alpha': projectorHeader(2560),
    'mmproj-beta': projectorHeader(3840),
    'gamma-Q4_0.gguf': modelHeader('gemma3', 3840),
  };

  test('tells which of two', async () => {
    expect(await projectorOf('gamma-Q4_0.gguf', two, headers)).toBe('mmproj-beta-f16.gguf');
  });

  test('leaves it open for two of one width: --mmproj is asked for', async () => {
    const same = { ...headers, 'mmproj-alpha': projectorHeader(3840) };
    await expect(projectorOf('gamma-Q4_0.gguf', two, same)).rejects.toMatchObject({
      code: 'invalid_setting',
      param: 'mmproj',
      message:
        'Several projectors may belong to gamma-Q4_0.gguf: mmproj-alpha-f16.gguf, mmproj-beta-f16.gguf. Choose one with --mmproj.',
    });
  });

  test("keeps another model's projector out, and says so", async () => {
    const files = { 'Qwen3.5-9B-Q4_K_M.gguf': 1, 'gemma-4-26B-A4B-it.mmproj-q8_0.gguf': 1 };
    const others = { Qwen: modelHeader('qwen35', 4096), gemma: projectorHeader(2816) };
    expect(await chooseIn(files, {}, others)).toMatchObject({
      mmproj: undefined,
      warning: expect.stringMatching(/^gemma-4-26B-A4B-it\.mmproj-q8_0\.gguf belongs to another model than Qwen3\.5/),
    });
  });

  test('lets one in that is named after the model it was tuned from', async () => {
    const others = { MyTune: modelHeader('gemma3', 5376), mmproj: projectorHeader(5376) };
    expect(await projectorOf('MyTune-Q4_K_M.gguf', listing('mmproj-gemma-3-27b-it-f16.gguf'), others)).toBe(
      'mmproj-gemma-3-27b-it-f16.gguf',
    );
  });
});

describe('a projector that only its header tells', () => {
  const files = listing('vision-tower.gguf', 'gemma-3-4b-it-Q8_0.gguf');
  const headers = { 'vision-tower': projectorHeader(2560) };

  test('is found', async () => {
    expect(await projectorOf('gemma-3-4b-it-Q4_0.gguf', files, headers)).toBe('vision-tower.gguf');
  });

  test('is not taken for a model', async () => {
    const { model, mmproj } = await chooseIn({ 'vision-tower.gguf': 9, 'gemma-3-4b-it-Q8_0.gguf': 4 }, {}, headers);
    expect([model, mmproj]).toEqual(['gemma-3-4b-it-Q8_0.gguf', 'vision-tower.gguf']);
  });
});

describe('a type of projector', () => {
  const files = listing('mmproj-F16.gguf', 'mmproj-Q8_0.gguf');

  test('is taken', async () => {
    expect(await projectorOf('m-Q4_0.gguf', files, {}, { mmprojEncoding: 'q8_0' })).toBe('mmproj-Q8_0.gguf');
  });

  test('that is not there is refused with those that are', async () => {
    await expect(projectorOf('m-Q4_0.gguf', files, {}, { mmprojEncoding: 'f32' })).rejects.toThrow(
      'm-Q4_0.gguf has no projector of type f32: there is only f16, q8_0.',
    );
    await expect(projectorOf('m-Q4_0.gguf', {}, {}, { mmprojEncoding: 'f32' })).rejects.toThrow(
      /there is no projector\.$/,
    );
  });
});
