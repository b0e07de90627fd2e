import { expect, test } from 'vitest';
import { parseModelName, titleOf } from '../../../src/convert/metadata/model-name.ts';
import type { ModelName } from '../../../src/convert/metadata/model-name.ts';
import { roundedCount } from '../../../src/convert/metadata/size-label.ts';

// What gguf-py's Metadata.get_model_id_components gives.
test.each<[string, number, Partial<ModelName>]>([
  ['gemma-3-4b-it', 3.9e9, { basename: 'gemma-3', sizeLabel: '4B', finetune: 'it' }],
  ['gemma-3-4b-it', 0.4e9, { basename: 'gemma-3', finetune: '4b-it' }],
  ['google/gemma-3-27b-pt', 27e9, { organization: 'google', basename: 'gemma-3', sizeLabel: '27B', finetune: 'pt' }],
  ['bloom-7b1', 7e9, { basename: 'bloom', sizeLabel: '7.1B' }],
  ['Mistral-7B-Instruct-v0.2', 7e9, { basename: 'Mistral', finetune: 'Instruct', version: 'v0.2', sizeLabel: '7B' }],
  ['Mixtral-8x7B-v0.1', 46e9, { basename: 'Mixtral', sizeLabel: '8x7B', version: 'v0.1' }],
  ['Phi-3-mini-4k-instruct', 3.8e9, { basename: 'Phi-3', sizeLabel: 'mini', finetune: '4k-instruct' }],
  ['shapes-vlm', 1.7e6, { name: 'shapes-vlm' }],
  ['A model of mine', 1, { name: 'A model of mine' }],
])('%s', (id, parameters, expected) => {
  const nothing = { organization: undefined, basename: undefined, finetune: undefined };
  expect(parseModelName(id, parameters)).toEqual({
    ...nothing,
    version: undefined,
    sizeLabel: undefined,
    name: id.split('/').at(-1),
    ...expected,
  });
});

test.each([
  ['gemma-3-4b-it', 'Gemma 3 4b It'],
  ['Qwen2.5-VL-7B-instruct', 'Qwen2.5 VL 7B Instruct'],
  ['model-v1.5', 'Model v1.5'],
])('the title of %s is %s', (name, title) => {
  expect(titleOf(name)).toBe(title);
});

// What gguf-py's size_label gives, Python's rounding of ties included.
test.each([
  [1_689_728, '1.7M'],
  [337_000, '337K'],
  [12_500_000, '12M'],
  [13_500_000, '14M'],
  [27_432_406_640, '27B'],
  [1_250_000_000_000, '1.2T'],
])('%i parameters are %s', (count, label) => {
  expect(roundedCount(count)).toBe(label);
});
