import { describe, expect, test } from 'vitest';
import {
  companionKindInName,
  encodingInName,
  isProjectorName,
  mayBeDraftHead,
  modelKeyOf,
  nameTokens,
  splitPart,
  tellsEncoding,
  tellsExactly,
} from '../../src/gguf-choice/names.ts';

// Names as published by ggml-org, unsloth, bartowski, mradermacher, google, Qwen, openbmb, steampunque and others, from
// scripts and registries in public repositories.
const encodings: readonly [string, string | undefined][] = [
  ['gemma-3-4b-it-Q4_K_M.gguf', 'Q4_K_M'],
  ['gemma-3-4b-it-q4_0.gguf', 'Q4_0'],
  ['gemma-4-E4B_q4_0-it.gguf', 'Q4_0'],
  ['Qwen2.5-VL-7B-Instruct.i1-IQ4_XS.gguf', 'IQ4_XS'],
  ['MinerU2.5-2509-1.2B.Q6_K.gguf', 'Q6_K'],
  ['gemma-3-27b-it-UD-Q4_K_XL.gguf', 'Q4_K_XL'],
  ['google_gemma-3-27b-it-Q4_K_L.gguf', 'Q4_K_L'],
  ['gpt-oss-20b-MXFP4_MOE.gguf', 'MXFP4_MOE'],
  ['gpt-oss-20b-mxfp4.gguf', 'MXFP4'],
  ['gemma-4-12b-it-nvfp4.gguf', 'NVFP4'],
  ['Qwen3.6-TQ1_0.gguf', 'TQ1_0'],
  ['gemma-3-12b-it.Q4_K_H.gguf', 'Q4_K_H'],
  ['BF16/Qwen3.8-27B-BF16-00001-of-00002.gguf', 'BF16'],
  ['Q8_0/model-00001-of-00003.gguf', 'Q8_0'],
  ['mmproj-model-f16-4B.gguf', 'F16'],
  ['mmproj-fp16.gguf', 'F16'],
  ['gemma-4-26B-A4B-it.mmproj-q8_0.gguf', 'Q8_0'],
  ['model-q4_0_unquantized.gguf', 'Q4_0'],
  ['gemma-3-4b-it.gguf', undefined],
  ['Q3-lm.gguf', 'Q3'],
];
test.each(encodings)('the type of %s is %s', (path, encoding) => {
  expect(encodingInName(path)).toBe(encoding);
});

test("a publisher's mark may be given with a type, or left out", () => {
  expect(tellsEncoding('gemma-UD-Q4_K_XL.gguf', 'q4_k_xl')).toBe(true);
  expect(tellsEncoding('gemma-UD-Q4_K_XL.gguf', 'ud-q4_k_xl')).toBe(true);
  expect(tellsEncoding('gemma-Q4_K_XL.gguf', 'ud-q4_k_xl')).toBe(false);
  expect(tellsExactly('gemma-UD-Q4_K_XL.gguf', 'q4_k_xl')).toBe(false);
});

describe('what a name tells', () => {
  const projectors = [
    'mmproj-F16.gguf',
    'Qwen2.5-VL-7B-Instruct.mmproj-f16.gguf',
    'gemma-4-26B-A4B-it.mmproj-q8_0.gguf',
    'moondream2-mmproj-f16-20250414.gguf',
    'mmproj/model-f16.gguf',
    'MMPROJ-F16.GGUF',
  ];
  test.each(projectors)('%s is a projector', (path) => expect(isProjectorName(path)).toBe(true));

  const companions: readonly [string, string][] = [
    ['imatrix_unsloth.gguf', 'imatrix'],
    ['google_gemma-3-27b-it-imatrix.gguf', 'imatrix'],
    ['SuperQwen3.8-27b-abliterated.imatrix.gguf', 'imatrix'],
    ['quants/IMATRIX.GGUF', 'imatrix'],
    ['mtp-gemma-4-31B-it-Q8_0.gguf', 'drafter'],
    ['MTP/mtp-Qwen3.8-Flash-Next-shared-Q8_0.gguf', 'drafter'],
    ['eagle3-Qwen3-8B-f16.gguf', 'drafter'],
    ['dflash-Qwen3-4B-b16.gguf', 'drafter'],
    ['dspark-qwen3_4b_block7.gguf', 'drafter'],
    ['ggml-vocab-llama-bpe.gguf', 'vocabulary'],
  ];
  test.each(companions)('%s is a companion: %s', (path, kind) => expect(companionKindInName(path)).toBe(kind));

  const models = [
    'Qwen3-Imatrix-Tuned-Q4_K_M.gguf',
    'imatrixed-model-Q8_0.gguf',
    'Qwen2.5-7B-IQ2_XS-imatrix.gguf',
    'Qwen3.6-35B-A3B-MTP-Q8_0.gguf',
    'code-assistant-Q8_0.gguf',
    'Eagle2-9B-Q8_0.gguf',
    'granite-vision-3.2-2b-Q4_K_M.gguf',
  ];
  test.each(models)('%s may be a model', (path) => {
    expect([companionKindInName(path), isProjectorName(path)]).toEqual([undefined, false]);
  });

  test.each([
    ['Qwen3.6-35B-A3B-MTP-Q8_0.gguf', true],
    ['MTP/gemma-4-26B-A4B-it-Q8_0.gguf', true],
    ['drafted-novels-7B-Q4_0.gguf', false],
  ])('whether %s is a draft head has to be looked up: %s', (path, isOpen) => {
    expect(mayBeDraftHead(path)).toBe(isOpen);
  });
});

test('the types of one model have one key, two models two', () => {
  expect(modelKeyOf('UD-Q4_K_XL/Qwen3.8-UD-Q4_K_XL-00001-of-00002.gguf')).toBe('qwen3.8');
  expect(modelKeyOf('Qwen3.8.i1-Q2_K.gguf')).toBe('qwen3.8');
  expect(modelKeyOf('4b/model-Q4_0.gguf')).not.toBe(modelKeyOf('12b/model-Q4_0.gguf'));
});

test('words by which a projector is paired', () => {
  expect(nameTokens('mmproj-google_gemma-3-4b-it-f16.gguf')).toEqual(['google', 'gemma', '3', '4b', 'it']);
  expect(nameTokens('Qwen3.5-35B-A3B-UD-Q4_K_L.gguf')).toEqual(['qwen', '3', '5', '35b', 'a', '3b']);
  expect(nameTokens('mmproj-model-f16.gguf')).toEqual([]);
});

test('the parts of a split model', () => {
  expect(splitPart('a/b-00002-of-00003.gguf')).toEqual({
    part: 2,
    names: ['a/b-00001-of-00003.gguf', 'a/b-00002-of-00003.gguf', 'a/b-00003-of-00003.gguf'],
  });
  expect(splitPart('b.gguf')).toBeUndefined();
});
