import { expect, test } from 'vitest';
import { nearestNames } from '../../src/convert/architectures/nearest-names.ts';
import { supportedArchitectures } from '../../src/convert/index.ts';

const candidates = supportedArchitectures().map(({ architecture }) => architecture);

test.each([
  ['InternVLChatModelFoo', 'InternVLChatModel'],
  ['InternVLChat', 'InternVLChatModel'],
  ['Qwen2_5OmniForConditionalGeneration', 'Qwen2_5_VLForConditionalGeneration'],
  ['Qwen2_5OmniModel', 'Qwen2_5_VLForConditionalGeneration'],
  ['Qwen2_5_VLForConditionalGeneration2', 'Qwen2_5_VLForConditionalGeneration'],
  ['Qwen3OmniMoeForConditionalGeneration', 'Qwen3MoeForCausalLM'],
  ['Gemma2ForCausalLM', 'Gemma3ForCausalLM'],
  ['DeepseekVLV2ForCausalLM', 'DeepseekOCR2ForCausalLM'],
  ['LlavaOnevisionForConditionalGeneration', 'LlavaForConditionalGeneration'],
  ['LlavaNextVideoForConditionalGeneration', 'LlavaNextForConditionalGeneration'],
  ['MiniCPMV', 'MiniCPMV4_6ForConditionalGeneration'],
  ['Idefics2ForConditionalGeneration', 'Idefics3ForConditionalGeneration'],
  ['Glm4vNextForConditionalGeneration', 'Glm4vForConditionalGeneration'],
  ['KimiK25ForConditionalGeneration', 'KimiVLForConditionalGeneration'],
  ['Gema3ForCausalLM', 'Gemma3ForCausalLM'],
])('%s is nearest to %s', (name, nearest) => {
  expect(nearestNames(name, candidates)[0]).toBe(nearest);
});

test('of one maker no other is listed', () => {
  expect(nearestNames('LlavaOnevisionForConditionalGeneration', candidates).join()).not.toMatch(/Llama/);
  expect(nearestNames('InternVLChatModelFoo', candidates).join()).not.toMatch(/Qwen|Kimi/);
});

test.each(['BertModel', 'GPT2LMHeadModel', 'T5ForConditionalGeneration', 'Phi4MMForCausalLM'])(
  'nothing is near %s',
  (name) => expect(nearestNames(name, candidates)).toEqual([]),
);

test.each(['', 'Model', 'ForCausalLM', 'x'.repeat(100_000)])('a name that tells nothing is near nothing', (name) => {
  expect(nearestNames(name, candidates)).toEqual([]);
});
