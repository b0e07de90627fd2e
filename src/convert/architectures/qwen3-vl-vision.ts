import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { blockCount, parseConfig, size } from '../checkpoint/parse-config.ts';
import { bool, boolArray, float32, string, uint32 } from '../gguf/key-values.ts';
import type { Declare } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import {
  areaOf,
  areaSchema,
  imageWarnings,
  qwenProcessorArea,
  writeArea,
  writeImageSettings,
} from './image-settings.ts';
import { copied, withBias } from './tensor-rules.ts';
import { readPreprocessor, towerParameters, writeVisionParameters } from './vision-parameters.ts';
import { framePatches } from './vision-tensors.ts';
import { imageProcessors } from './image-processors.ts';

/** The defaults are those of transformers' Qwen3VLVisionConfig. */
const visionSchema = z.looseObject({
  depth: blockCount.default(27),
  hidden_size: size.default(1152),
  intermediate_size: size.default(4304),
  num_heads: size.default(16),
  patch_size: size.default(16),
  spatial_merge_size: size.default(2),
  num_position_embeddings: size.default(2304),
  deepstack_visual_indexes: z.array(z.int().min(0)).default([8, 16, 24]),
});

/** The limits of Qwen3-VL and Qwen 3.5 on the Hub. */
const usualArea = { min: 256 * 256, max: 4096 * 4096 };

const textSchema = z.looseObject({ hidden_size: size, rms_norm_eps: z.number().default(1e-6) });

/** Declares the vision encoder and mergers of Qwen3-VL and Qwen 3.5. Throws `checkpoint_invalid`. */
export const declareVision: Declare = async ({ folder, config }) => {
  const text = readDecoderConfig(textSchema, config);
  const vision = parseConfig(visionSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const images = await readPreprocessor(folder, areaSchema, imageProcessors.qwenVl);
  const area = areaOf(images, qwenProcessorArea);
  const { hidden_size: width, intermediate_size: inner, depth, deepstack_visual_indexes: deepstack } = vision;
  if (deepstack.some((layer) => layer >= depth)) {
    const message = `config.json: vision_config takes features from the layers ${deepstack.join(', ')}, but has only ${depth}.`;
    throw new VserveError('checkpoint_invalid', message);
  }
  const merged = width * vision.spatial_merge_size ** 2;
  return {
    architecture: 'clip',
    canonicalName: (name) => name.replace(/^model\.visual\./, 'visual.'),
    ignored: [],
    warnings: imageWarnings(images, imageProcessors.qwenVl, {
      patch_size: vision.patch_size,
      merge_size: vision.spatial_merge_size,
    }),
    tensors: [
      framePatches('visual.patch_embed.proj', width, vision.patch_size),
      copied('visual.patch_embed.proj.bias', 'v.patch_embd.bias', [width]),
      copied('visual.pos_embed.weight', 'v.position_embd.weight', [vision.num_position_embeddings, width]),
      ...Array.from({ length: depth }, (_, layer) => {
        const [source, target] = [`visual.blocks.${layer}`, `v.blk.${layer}`];
        return [
          ...withBias(`${source}.attn.qkv`, `${target}.attn_qkv`, 3 * width, width),
          ...withBias(`${source}.attn.proj`, `${target}.attn_out`, width, width),
          ...withBias(`${source}.norm1`, `${target}.ln1`, width),
          ...withBias(`${source}.norm2`, `${target}.ln2`, width),
          ...withBias(`${source}.mlp.linear_fc1`, `${target}.ffn_up`, inner, width),
          ...withBias(`${source}.mlp.linear_fc2`, `${target}.ffn_down`, width, inner),
        ];
      }).flat(),
      ...withBias('visual.merger.norm', 'v.post_ln', width),
      ...withBias('visual.merger.linear_fc1', 'mm.0', merged, merged),
      ...withBias('visual.merger.linear_fc2', 'mm.2', text.hidden_size, merged),
      ...deepstack.flatMap((layer, i) => {
        const [source, target] = [`visual.deepstack_merger_list.${i}`, `v.deepstack.${layer}`];
        return [
          ...withBias(`${source}.norm`, `${target}.norm`, merged),
          ...withBias(`${source}.linear_fc1`, `${target}.fc1`, merged, merged),
          ...withBias(`${source}.linear_fc2`, `${target}.fc2`, text.hidden_size, merged),
        ];
      }),
    ],
    writeParameters: (keyValues, fileType) => {
      const tower = {
        ...vision,
        image_size: Math.floor(Math.sqrt(vision.num_position_embeddings) * vision.patch_size),
        num_hidden_layers: depth,
        num_attention_heads: vision.num_heads,
      };
      writeVisionParameters(keyValues, towerParameters(tower, text.hidden_size, images), fileType);
      keyValues
        .set('clip.projector_type', string('qwen3vl_merger'))
        .set('clip.use_gelu', bool(true))
        .set('clip.vision.spatial_merge_size', uint32(vision.spatial_merge_size))
        .set('clip.vision.attention.layer_norm_epsilon', float32(text.rms_norm_eps))
        .set(
          'clip.vision.is_deepstack_layers',
          boolArray(Array.from({ length: depth }, (_, layer) => deepstack.includes(layer))),
        );
      writeArea(keyValues, area, usualArea);
      writeImageSettings(keyValues, images, imageProcessors.qwenVl);
    },
  };
};
