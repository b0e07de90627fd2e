import { describe, expect, test } from 'vitest';
import type { GgufWish } from '../../src/gguf-choice/index.ts';
import { draftHeadHeader, ggufHeader, modelHeader, modelWithDraftHead } from '../support/gguf-header.ts';
import { chooseIn, GB, memory } from './choice.ts';
import type { HeadersByPath, Sizes } from './choice.ts';

const assistant = ggufHeader({ 'general.architecture': 'gemma4-assistant', 'general.type': 'model' });
const imatrix = ggufHeader({ 'general.type': 'imatrix', 'imatrix.chunk_count': 100 });
const adapter = ggufHeader({ 'general.architecture': 'llama', 'general.type': 'adapter' });

// File names as published by unsloth, bartowski, ggml-org and google, from listings quoted in public code and issues
// (the tests of unsloth's studio, llama.cpp's and GPUStack's issues, model registries); sizes in GB.
const flashNext: Sizes = {
  'MTP/mtp-Qwen3.8-Flash-Next-shared-Q8_0.gguf': 2.1,
  'UD-Q4_K_XL/Qwen3.8-Flash-Next-UD-Q4_K_XL-00001-of-00002.gguf': 45,
  'UD-Q4_K_XL/Qwen3.8-Flash-Next-UD-Q4_K_XL-00002-of-00002.gguf': 45,
  'mmproj-F16.gguf': 0.9,
};
const unslothGemma3: Sizes = {
  'gemma-3-27b-it-Q8_0.gguf': 28.7,
  'imatrix_unsloth.gguf': 0.012,
  'mmproj-F16.gguf': 0.86,
};
const bartowskiGemma3: Sizes = {
  'google_gemma-3-27b-it-Q8_0.gguf': 28.7,
  'google_gemma-3-27b-it-imatrix.gguf': 0.013,
  'mmproj-google_gemma-3-27b-it-f16.gguf': 0.86,
};
const ggmlOrgGemma4: Sizes = {
  'gemma-4-31B-it-Q8_0.gguf': 18.1,
  'mtp-gemma-4-31B-it-Q8_0.gguf': 0.5,
  'mmproj-gemma-4-31B-it-bf16.gguf': 0.9,
};
const googleGemma4: Sizes = {
  'gemma-4-E4B_q4_0-it.gguf': 4.6,
  'gemma-4-E4B_q4_0-it-assistant-MTP-Q8_0.gguf': 0.1,
};
const unslothQat: Sizes = {
  'gemma-4-12B-it-qat-UD-Q4_K_XL.gguf': 6.7,
  'MTP/gemma-4-12B-it-qat-MTP-Q8_0.gguf': 0.46,
  'mmproj-BF16.gguf': 1.04,
  'mmproj-F16.gguf': 1.04,
  'mmproj-F32.gguf': 2.1,
};
const assistantOf = { 'gemma-4-E4B_q4_0-it-assistant': assistant, 'MTP/': assistant };

describe('a drafter, an importance matrix or an adapter is not taken for the model', () => {
  const none: readonly [string, Sizes, Partial<GgufWish>, HeadersByPath, RegExp][] = [
    [
      'unsloth, split',
      flashNext,
      memory(18.8),
      {},
      /^org\/name has no .* fits in 18\.8 GB .* smallest is UD-Q4_K_XL\//,
    ],
    [
      'unsloth, imatrix',
      unslothGemma3,
      memory(18.8),
      {},
      /smallest is gemma-3-27b-it-Q8_0\.gguf, which takes 29\.\d GB/,
    ],
    ['bartowski, imatrix', bartowskiGemma3, memory(18.8), {}, /smallest is google_gemma-3-27b-it-Q8_0\.gguf/],
    [
      'DFlash',
      { 'X-Q4_K_M.gguf': 12, 'dflash-X-BF16.gguf': 3 },
      memory(5),
      {},
      /smallest is X-Q4_K_M\.gguf, .* Choose one with --weight-path to take it anyway:\n {2}X-Q4_K_M\.gguf \(12\.0 GB\)$/,
    ],
    [
      'google, its drafter has the type asked for',
      googleGemma4,
      { encoding: 'q8_0' },
      assistantOf,
      /no GGUF model of type q8_0\. Choose one with --weight-path:\n {2}gemma-4-E4B_q4_0-it\.gguf \(4\.6 GB\)$/,
    ],
    [
      'an assistant by its header alone',
      { 'gemma-4-12B-it-UD-Q4_K_XL.gguf': 16.9, 'gemma-4-12B-it-assistant-F16.gguf': 0.8 },
      memory(5),
      { 'gemma-4-12B-it-assistant': assistant },
      /smallest is gemma-4-12B-it-UD-Q4_K_XL\.gguf/,
    ],
    [
      'an adapter alone',
      { 'my-lora-f16.gguf': 0.1 },
      {},
      { 'my-lora': adapter },
      /^org\/name holds no GGUF model\. my-lora-f16\.gguf is a LoRA adapter, which changes another model\.$/,
    ],
    [
      'a projector alone',
      { 'mmproj-F16.gguf': 1 },
      {},
      {},
      /holds no GGUF model\. mmproj-F16\.gguf is a vision projector\.$/,
    ],
  ];
  test.each(none)('%s: nothing is', async (_, sizes, wish, headers, message) => {
    await expect(chooseIn(sizes, wish, headers)).rejects.toMatchObject({
      code: 'model_unavailable',
      message: expect.stringMatching(message),
    });
  });

  const taken: readonly [string, Sizes, Partial<GgufWish>, HeadersByPath, string][] = [
    ['ggml-org', ggmlOrgGemma4, { encoding: 'q8_0' }, {}, 'gemma-4-31B-it-Q8_0.gguf'],
    ['unsloth QAT', unslothQat, {}, assistantOf, 'gemma-4-12B-it-qat-UD-Q4_K_XL.gguf'],
    [
      'a name with imatrix in it',
      { 'Qwen3-IQ2_XS-imatrix.gguf': 2, 'Qwen3.imatrix.gguf': 0.01 },
      {},
      {},
      'Qwen3-IQ2_XS-imatrix.gguf',
    ],
    [
      'a model with a draft head, beside the head',
      { 'Qwen3.6-27B-MTP-Q4_K_M.gguf': 16, 'Step-MTP-Q8_0.gguf': 17 },
      {},
      { Qwen: modelWithDraftHead('qwen35'), Step: draftHeadHeader('step35') },
      'Qwen3.6-27B-MTP-Q4_K_M.gguf',
    ],
  ];
  test.each(taken)('%s: the model is', async (_, sizes, wish, headers, path) => {
    expect((await chooseIn(sizes, wish, headers)).model).toBe(path);
  });

  test.each([
    ['imatrix_unsloth.gguf', /imatrix_unsloth\.gguf is an importance matrix, which only the quantization/],
    ['mmproj-F16.gguf', /mmproj-F16\.gguf is a vision projector\. Choose one with --weight-path:\n {2}gemma-3-27b/],
    ['x.gguf', /^org\/name has no GGUF model "x\.gguf"/],
  ])('%s cannot be asked for by its path', async (path, message) => {
    await expect(chooseIn(unslothGemma3, { path })).rejects.toThrow(message);
  });

  test('nor a file whose header alone tells', async () => {
    const asked = chooseIn(
      { 'calibration-Q8_0.gguf': 1, 'm-Q4_0.gguf': 1 },
      { path: 'calibration-Q8_0.gguf' },
      { calib: imatrix },
    );
    await expect(asked).rejects.toThrow(/^calibration-Q8_0\.gguf is an importance matrix/);
  });
});

test('a header that says anything else is that of a model', async () => {
  const odd = ggufHeader({ 'general.architecture': 'constructor', 'general.type': 'toString' });
  expect((await chooseIn({ 'm-Q4_0.gguf': 1 }, {}, { m: odd })).model).toBe('m-Q4_0.gguf');
});

describe('a split model that lacks a part', () => {
  const files: Sizes = { 'm-Q4_0.gguf': 5, 'BF16/m-BF16-00001-of-00002.gguf': 9, 'mmproj-F16.gguf': 1 };

  test.each<[string, Partial<GgufWish>]>([
    ['auto', {}],
    ['by its path', { path: 'm-Q4_0.gguf' }],
    ['by its type', { encoding: 'q4_0' }],
  ])('does not keep another one from being taken: %s', async (_, wish) => {
    expect((await chooseIn(files, wish)).model).toBe('m-Q4_0.gguf');
  });

  test.each<[string, Sizes, Partial<GgufWish>]>([
    ['by its type', files, { encoding: 'bf16' }],
    ['by its path', files, { path: 'BF16/m-BF16-00001-of-00002.gguf' }],
    ['where there is no other', { 'BF16/m-BF16-00001-of-00002.gguf': 9 }, {}],
  ])('is refused: %s', async (_, sizes, wish) => {
    await expect(chooseIn(sizes, wish)).rejects.toMatchObject({
      code: 'shard_missing',
      message: expect.stringMatching(
        /org\/name lacks parts of BF16\/m-BF16-00001-of-00002\.gguf: BF16\/m-BF16-00002-of-00002\.gguf\./,
      ),
    });
  });

  test('is listed as that, and not counted', async () => {
    await expect(chooseIn(files, { encoding: 'q6_k' })).rejects.toThrow(
      /BF16-00001-of-00002\.gguf \(9\.0 GB, incomplete\)/,
    );
    expect((await chooseIn(files)).reason).toBeUndefined();
  });

  test('is told of when the first one is missing', async () => {
    await expect(chooseIn({ 'm-00002-of-00002.gguf': 9 })).rejects.toThrow(/m-00001-of-00002\.gguf: m-00001-of/);
  });
});

describe('auto', () => {
  const files: Sizes = { 'X-Q8_0.gguf': 19.5, 'X-Q4_K_M.gguf': 10, 'mmproj-F16.gguf': 1.7 };

  test('counts the projector and a context beside the weights', async () => {
    expect(await chooseIn(files, memory(21.5))).toMatchObject({
      model: 'X-Q8_0.gguf',
      reason: 'X-Q8_0.gguf (19.5 GB): the largest of 2 GGUF models that fits in 21.5 GB of memory with a context.',
    });
    expect((await chooseIn(files, memory(21.1))).model).toBe('X-Q4_K_M.gguf');
    // 8192 tokens of 4 bytes for each of a width of 20,000 are 655 MB.
    expect((await chooseIn(files, memory(21.5), { X: modelHeader('llama', 20_000) })).model).toBe('X-Q4_K_M.gguf');
  });

  test('counts the projector that is given instead', async () => {
    const given = { wantsProjector: false, otherProjectorBytes: 3 * GB };
    expect((await chooseIn(files, { ...memory(21.5), ...given })).model).toBe('X-Q4_K_M.gguf');
  });

  test('takes what there is where the memory is not known', async () => {
    const { model } = await chooseIn(files, { memoryBytes: async () => undefined });
    expect(model).toBe('X-Q8_0.gguf');
  });

  test('takes the smallest if it is only to describe one', async () => {
    expect((await chooseIn(files, { ...memory(1), ifNoneFits: 'smallest' })).model).toBe('X-Q4_K_M.gguf');
  });

  test('reads one header for all types of a model', async () => {
    const types = ['Q8_0', 'Q6_K', 'Q5_K_M', 'Q4_K_M', 'IQ4_XS', 'UD-Q2_K_XL'];
    const sizes = Object.fromEntries(types.map((type, index) => [`m-${type}.gguf`, 9 - index]));
    expect((await chooseIn(sizes, memory(6.5))).looked).toHaveLength(1);
  });

  test('asks which of several models, where it should', async () => {
    const wish = { ifSeveral: 'ask', ...memory(6) } as const;
    await expect(chooseIn({ 'a-Q4_0.gguf': 1, 'b-Q4_0.gguf': 2 }, wish)).rejects.toThrow(/holds several GGUF models\./);
    expect((await chooseIn({ 'a-Q4_0.gguf': 3, 'a-Q8_0.gguf': 5 }, wish)).model).toBe('a-Q8_0.gguf');
  });
});

describe('a type of weights', () => {
  const files: Sizes = {
    'gemma-3-4b-it-BF16.gguf': 7.8,
    'gemma-3-4b-it-IQ4_XS.gguf': 2.3,
    'gemma-3-4b-it-Q3_K_M.gguf': 2.1,
    'gemma-3-4b-it-Q4_K_L.gguf': 2.6,
    'gemma-3-4b-it-Q4_K_M.gguf': 2.5,
    'gemma-3-4b-it-UD-Q4_K_M.gguf': 2.55,
    'gemma-3-4b-it-UD-Q4_K_XL.gguf': 2.54,
    'gemma-3-4b-it-MXFP4_MOE.gguf': 2.4,
  };
  test.each([
    ['iq4_xs', 'gemma-3-4b-it-IQ4_XS.gguf'],
    ['q3_k_m', 'gemma-3-4b-it-Q3_K_M.gguf'],
    ['q4_k_l', 'gemma-3-4b-it-Q4_K_L.gguf'],
    ['q4_k_m', 'gemma-3-4b-it-Q4_K_M.gguf'],
    ['q4_k', 'gemma-3-4b-it-Q4_K_M.gguf'],
    ['q3_k', 'gemma-3-4b-it-Q3_K_M.gguf'],
    ['ud-q4_k_m', 'gemma-3-4b-it-UD-Q4_K_M.gguf'],
    ['q4_k_xl', 'gemma-3-4b-it-UD-Q4_K_XL.gguf'],
    ['UD-Q4_K_XL', 'gemma-3-4b-it-UD-Q4_K_XL.gguf'],
    ['mxfp4_moe', 'gemma-3-4b-it-MXFP4_MOE.gguf'],
  ])('%s is %s', async (encoding, path) => {
    expect((await chooseIn(files, { encoding })).model).toBe(path);
  });

  test('goes before the one it is short for', async () => {
    expect((await chooseIn({ 'm-Q4_K.gguf': 2, 'm-Q4_K_M.gguf': 3 }, { encoding: 'q4_k' })).model).toBe('m-Q4_K.gguf');
  });

  test('that two models have is refused with both', async () => {
    const asked = chooseIn({ 'a-Q4_0.gguf': 1, 'b-Q4_0.gguf': 2, 'b-Q8_0.gguf': 3 }, { encoding: 'q4_0' });
    await expect(asked).rejects.toThrow(
      /several GGUF models of type q4_0\. .*:\n {2}a-Q4_0.*\n {2}b-Q4_0\.gguf \(2\.0 GB\)$/,
    );
  });
});
