import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { referenceCheckpoints } from '../reference/checkpoints.ts';
import { writeCheckpoint } from '../reference/write-checkpoint.ts';
import { planConversion } from '../../src/convert/plan/plan-conversion.ts';
import { changeJson, convert, temporaryFolder } from './support/checkpoints.ts';
import { describeGguf } from './support/describe-gguf.ts';
import { readReference } from './support/read-reference.ts';

async function checkpointFolder(name: string, rename = (tensor: string): string => tensor): Promise<string> {
  const { checkpoint } = referenceCheckpoints[name] ?? {};
  if (checkpoint === undefined) throw new Error(`There is no ${name}`);
  const folder = join(await temporaryFolder(), name);
  const shapes = new Map(Array.from(checkpoint.shapes, ([tensor, shape]) => [rename(tensor), shape]));
  await writeCheckpoint(folder, { ...checkpoint, shapes });
  return folder;
}

async function expectRefused(folder: string, naming: string): Promise<void> {
  await expect(planConversion({ sourceDir: folder, outtype: 'bf16' })).rejects.toMatchObject({
    code: 'checkpoint_invalid',
    message: expect.stringContaining(naming) as string,
  });
}

describe('a configuration that would become another model is refused', () => {
  test.each([
    ['llava-tiny', { vision_feature_select_strategy: 'full' }, 'only "default" is known, and it is "full"'],
    ['llava-qwen-tiny', { vision_feature_select_strategy: 'default' }, 'only "full" is known'],
    ['llava-tiny', { vision_feature_layer: 5 }, 'vision_feature_layer: 5'],
    ['llava-tiny', { vision_feature_layer: -5 }, 'vision_feature_layer: -5'],
    ['granite-vision-tiny', { vision_feature_layer: [-1, -3] }, 'no ascending layers of an encoder that has 5'],
    ['llava-tiny', { projector_hidden_act: 'relu' }, 'projector_hidden_act'],
    ['llava-tiny', { multimodal_projector_bias: false }, 'multimodal_projector_bias'],
    ['llava-tiny', { vision_config: { model_type: 'dinov2' } }, 'CLIP, SigLIP and Pixtral'],
    ['llava-tiny', { vision_config: 'clip' }, 'vision_config'],
    ['llava-tiny', { text_config: { model_type: 'gemma' } }, 'Granite, Llama, Mistral and Qwen 2'],
    ['llava-next-tiny', { image_grid_pinpoints: [[70, 141]] }, 'image_grid_pinpoints'],
    ['llava-next-tiny', { image_grid_pinpoints: [[70, 70 * 65]] }, 'image_grid_pinpoints'],
    ['granite-tiny', { logits_scaling: 'much' }, 'logits_scaling'],
    ['granite4-vision-tiny', { downsample_rate: '2/3' }, 'downsample_rate: "2/3" does not halve'],
    ['granite4-vision-tiny', { downsample_rate: 'half' }, 'downsample_rate'],
    ['granite4-vision-tiny', { vision_feature_select_strategy: 'default' }, 'vision_feature_select_strategy'],
    ['granite4-vision-tiny', { deepstack_layer_map: [[3, 0]] }, 'counted from the end'],
    ['granite4-vision-tiny', { deepstack_layer_map: [[-9, 0]] }, 'deepstack_layer_map, spatial_target_layers'],
    ['granite4-vision-tiny', { deepstack_layer_map: [[-1, 3]] }, 'must begin at layer 0'],
    ['granite4-vision-tiny', { spatial_target_layers: [1, 2, 4, 6] }, 'deepstack_layer_map, spatial_target_layers'],
    ['granite4-vision-tiny', { spatial_target_layers: [1, 1, 4, 5] }, 'name none twice'],
    ['granite4-vision-tiny', { spatial_target_layers: [1, 2] }, 'spatial_target_layers'],
  ])('%s with %j', async (name, change, naming) => {
    const folder = await checkpointFolder(name);
    await changeJson(folder, 'config.json', (config) => ({ ...config, ...change }));
    await expectRefused(folder, naming);
  });
});

describe('a processor that prepares pictures in another way is refused', () => {
  test.each([
    ['llava-tiny', { size: { shortest_edge: 71 } }, 'a shortest edge and a centre crop of 70'],
    ['llava-tiny', { crop_size: { height: 70, width: 71 } }, 'a shortest edge and a centre crop of 70'],
    ['llava-tiny', { do_center_crop: false }, 'a shortest edge and a centre crop of 70'],
    ['llava-tiny', { size: { height: 70, width: 70 } }, 'a shortest edge and a centre crop of 70'],
    ['llava-tiny', { do_pad: true }, 'do_pad: only a shortest edge and a centre crop of 70'],
    ['llava-tiny', { resample: 2 }, 'bicubic'],
    ['llava-qwen-tiny', { size: { shortest_edge: 76 } }, 'a height and a width without a centre crop of 76'],
    ['llava-next-tiny', { crop_size: 71 }, 'sides of 70'],
  ])('%s with %j', async (name, change, naming) => {
    const folder = await checkpointFolder(name);
    await changeJson(folder, 'preprocessor_config.json', (config) => ({ ...config, ...change }));
    await expectRefused(folder, naming);
  });
});

test.each([
  ['llava-next-tiny', 'f32', /^language_model\.model/],
  ['granite-vision-tiny', 'q8_0', /^language_model\.model/],
  ['granite4-vision-tiny', 'bf16', /^nothing/],
] as const)('%s by the names that transformers 5 has becomes the same', async (name, outtype, text) => {
  const rename = (tensor: string): string =>
    tensor
      .replace(text, 'model.language_model')
      .replace(/^language_model\.lm_head/, 'lm_head')
      .replace(/^(?=vision_tower|multi_modal|image_newline)/, 'model.')
      .replace('vision_tower.vision_model.', 'vision_tower.');
  const { modelPath, mmprojPath } = await convert(await checkpointFolder(name, rename), { outtype });
  const reference = readReference(name);
  expect((await describeGguf(modelPath)).sha256).toBe(reference[`model-${outtype}.gguf`]?.sha256);
  expect((await describeGguf(mmprojPath ?? '')).sha256).toBe(reference[`mmproj-${outtype}.gguf`]?.sha256);
});
