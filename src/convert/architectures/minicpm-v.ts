import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { blockCount, parseConfig, size } from '../checkpoint/parse-config.ts';
import { bool, float32, int32Array, string, uint32 } from '../gguf/key-values.ts';
import type { Declare, TensorRule } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { imageWarnings, tileCount, writeImageSettings, writeUnlessUsual } from './image-settings.ts';
import { declareText as declareQwen, predictionLayer } from './qwen3-5.ts';
import { siglipSchema, siglipTensors } from './siglip.ts';
import { withBias } from './tensor-rules.ts';
import { preprocessorSchema, readPreprocessor, towerParameters, writeVisionParameters } from './vision-parameters.ts';
import { imageProcessors } from './image-processors.ts';

/** Declares the text model of MiniCPM-V 4.6, a Qwen 3.5 that predicts no further token. Throws `checkpoint_invalid`. */
export const declareText: Declare = async (checkpoint) => {
  const tensorNames = checkpoint.tensorNames.filter((name) => !predictionLayer.test(name));
  const declared = await declareQwen({ ...checkpoint, tensorNames });
  return { ...declared, ignored: [...declared.ignored, predictionLayer] };
};

const twoByTwo = z
  .array(z.int())
  .refine((kernel) => kernel.length === 2 && kernel.every((side) => side === 2), 'llama.cpp merges two by two patches');
/** The side of the position table, which llama.cpp assumes. */
const positionsPerSide = 70;

/** transformers' MiniCPMV4_6VisionConfig. */
const visionSchema = siglipSchema.extend({
  num_hidden_layers: blockCount.default(12),
  num_attention_heads: size.default(12),
  window_kernel_size: twoByTwo.default([2, 2]),
  insert_layer_id: z.int().min(0).default(6),
});

const topSchema = z.looseObject({
  insert_layer_id: z.int().min(0).optional(),
  merge_kernel_size: twoByTwo.default([2, 2]),
  merger_times: z.literal(1, { error: 'llama.cpp merges once' }).default(1),
});
const widthSchema = z.looseObject({ hidden_size: size });

/** The most slices of an image: MiniCPMV4_6ImageProcessor and the models on the Hub have the same. */
const usualTiles = 9;
const imageSchema = preprocessorSchema.extend({
  downsample_mode: z.enum(['4x', '16x']).default('16x'),
  scale_resolution: size.nullish(),
  max_slice_nums: tileCount.default(usualTiles),
  slice_mode: z.boolean().default(true),
});

/** Declares the SigLIP tower of MiniCPM-V 4.6 and its mergers, the first within the tower. Throws `checkpoint_invalid`. */
export const declareVision: Declare = async ({ folder, config }) => {
  const vision = parseConfig(visionSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const top = parseConfig(topSchema, config, 'config.json');
  const { hidden_size: textWidth } = readDecoderConfig(widthSchema, config);
  const images = await readPreprocessor(folder, imageSchema, imageProcessors.miniCpmV);
  const { hidden_size: width, intermediate_size: inner } = vision;
  const mergesWithin = images.downsample_mode === '16x';
  const mergedAfter = top.insert_layer_id ?? vision.insert_layer_id;
  if (mergedAfter >= vision.num_hidden_layers) {
    const message = `config.json merges patches after layer ${mergedAfter} of the vision encoder, which has only ${vision.num_hidden_layers}.`;
    throw new VserveError('checkpoint_invalid', message);
  }
  if (Math.floor(vision.image_size / vision.patch_size) !== positionsPerSide) {
    const message = `config.json: vision_config has an image_size of ${vision.image_size} and a patch_size of ${vision.patch_size}. llama.cpp supports this encoder only with ${positionsPerSide} patches per side.`;
    throw new VserveError('checkpoint_invalid', message);
  }
  return {
    architecture: 'clip',
    canonicalName: (name) =>
      name.replace(/^model\.vision_tower\./, 'vision_model.').replace(/^model\.merger\./, 'merger.'),
    warnings: imageWarnings(images, imageProcessors.miniCpmV, { patch_size: vision.patch_size, use_image_id: true }),
    ignored: mergesWithin ? [] : [/\.vit_merger\./],
    tensors: [
      ...siglipTensors(vision),
      ...(mergesWithin ? withinTower(width, inner) : []),
      ...withBias('merger.mlp.0.pre_norm', 'mm.input_norm', 4 * width),
      ...withBias('merger.mlp.0.linear_1', 'mm.up', 4 * width, 4 * width),
      ...withBias('merger.mlp.0.linear_2', 'mm.down', textWidth, 4 * width),
    ],
    writeParameters: (keyValues, fileType) => {
      writeVisionParameters(
        keyValues,
        towerParameters({ ...vision, image_size: images.scale_resolution ?? vision.image_size }, textWidth, images),
        fileType,
      );
      keyValues
        .set('clip.projector_type', string('minicpmv4_6'))
        .set('clip.vision.projector.scale_factor', uint32(mergesWithin ? 4 : 2))
        .set('clip.vision.wa_layer_indexes', int32Array([mergedAfter]))
        .set('clip.use_gelu', bool(true))
        .set('clip.vision.attention.layer_norm_epsilon', float32(vision.layer_norm_eps));
      const tiles = images.slice_mode ? images.max_slice_nums : 1;
      writeUnlessUsual(keyValues, 'clip.vision.preproc_max_tiles', tiles, usualTiles);
      writeImageSettings(keyValues, images, imageProcessors.miniCpmV);
    },
  };
};

/** Attention among four neighboring patches, and a network that merges them into one. */
function withinTower(width: number, inner: number): TensorRule[] {
  const [source, target] = ['vision_model.vit_merger', 'v.vit_merger'];
  return [
    ...withBias(`${source}.layer_norm1`, `${target}.ln1`, width),
    ...withBias(`${source}.self_attn.q_proj`, `${target}.attn_q`, width, width),
    ...withBias(`${source}.self_attn.k_proj`, `${target}.attn_k`, width, width),
    ...withBias(`${source}.self_attn.v_proj`, `${target}.attn_v`, width, width),
    ...withBias(`${source}.self_attn.out_proj`, `${target}.attn_out`, width, width),
    ...withBias(`${source}.pre_norm`, `${target}.ds_ln`, 4 * width),
    ...withBias(`${source}.linear_1`, `${target}.ds_ffn_up`, 4 * inner, 4 * width),
    ...withBias(`${source}.linear_2`, `${target}.ds_ffn_down`, width, 4 * inner),
  ];
}
