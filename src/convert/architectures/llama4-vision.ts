import { z } from 'zod';
import { blockCount, parseConfig, size } from '../checkpoint/parse-config.ts';
import { bool, float32, string, uint32 } from '../gguf/key-values.ts';
import type { Declare, TensorRule } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { imageWarnings, tileCount, writeImageSettings, writeUnlessUsual } from './image-settings.ts';
import { copied, withBias } from './tensor-rules.ts';
import { preprocessorSchema, readPreprocessor, towerParameters, writeVisionParameters } from './vision-parameters.ts';
import { imageProcessors } from './image-processors.ts';

/** transformers' Llama4VisionConfig. */
const visionSchema = z.looseObject({
  hidden_size: size.default(768),
  hidden_act: z.literal('gelu').default('gelu'),
  num_hidden_layers: blockCount.default(34),
  num_attention_heads: size.default(16),
  num_channels: z.literal(3).default(3),
  intermediate_size: size.default(5632),
  vision_output_dim: size.default(7680),
  image_size: size.default(448),
  patch_size: size.default(14),
  norm_eps: z.number().default(1e-5),
  /** Two patches beside each other, and two such pairs below each other, become one token. */
  pixel_shuffle_ratio: z.literal(0.5).default(0.5),
  /** Hard-coded in llama.cpp, like the rotation of heads: half of them by columns, half by rows. */
  rope_theta: z.literal(10_000).default(10_000),
  rope_parameters: z.looseObject({ rope_theta: z.literal(10_000).default(10_000) }).nullish(),
  projector_input_dim: size.default(4096),
  projector_output_dim: size.default(4096),
});
type VisionConfig = z.output<typeof visionSchema>;

/** The most tiles of an image: Llama4ImageProcessor and the models on the Hub have the same. */
const usualTiles = 16;
const imageSchema = preprocessorSchema.extend({
  max_patches: tileCount.default(usualTiles),
  resize_to_max_canvas: z.boolean().default(false),
});

const widthSchema = z.looseObject({ hidden_size: size.default(5120) });

/** Declares the vision encoder and the projector of Llama 4. Throws `checkpoint_invalid`. */
export const declareVision: Declare = async ({ folder, config }) => {
  const vision = parseConfig(visionSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const { hidden_size: textWidth } = readDecoderConfig(widthSchema, config);
  const images = await readPreprocessor(folder, imageSchema, imageProcessors.llama4);
  const scaleFactor = 1 / vision.pixel_shuffle_ratio;
  return {
    architecture: 'clip',
    canonicalName: (name) => name.replace(/^model\.(?=vision_model|multi_modal_projector)/, ''),
    ignored: [/rotary_embedding/],
    warnings: imageWarnings(images, imageProcessors.llama4, {
      fake_image_token: '<|image|>',
      patch_size: vision.patch_size,
      pixel_shuffle_ratio: vision.pixel_shuffle_ratio,
      size: vision.image_size,
    }),
    tensors: [...encoderTensors(vision), ...projectorTensors(vision, textWidth)],
    writeParameters: (keyValues, fileType) => {
      writeVisionParameters(keyValues, towerParameters(vision, textWidth, images), fileType);
      keyValues
        .set('clip.projector_type', string('llama4'))
        .set('clip.vision.attention.layer_norm_epsilon', float32(vision.norm_eps))
        .set('clip.vision.projector.scale_factor', uint32(scaleFactor))
        .set('clip.use_gelu', bool(true));
      writeUnlessUsual(keyValues, 'clip.vision.preproc_max_tiles', images.max_patches, usualTiles);
      if (images.resize_to_max_canvas) keyValues.set('vserve.image.fill_canvas', bool(true));
      writeImageSettings(keyValues, images, imageProcessors.llama4);
    },
  };
};

function encoderTensors(vision: VisionConfig): TensorRule[] {
  const { hidden_size: width, intermediate_size: inner, patch_size: patch } = vision;
  const positions = Math.floor(vision.image_size / patch) ** 2 + 1;
  return [
    copied('vision_model.class_embedding', 'v.class_embd', [width]),
    copied('vision_model.positional_embedding_vlm', 'v.position_embd.weight', [positions, width]),
    copied('vision_model.patch_embedding.linear.weight', 'v.patch_embd.weight', [width, 3 * patch * patch]),
    ...withBias('vision_model.layernorm_pre', 'v.pre_ln', width),
    ...withBias('vision_model.layernorm_post', 'v.post_ln', width),
    ...Array.from({ length: vision.num_hidden_layers }, (_, layer) => {
      const [source, target] = [`vision_model.model.layers.${String(layer)}`, `v.blk.${String(layer)}`];
      return [
        ...(['q', 'k', 'v'] as const).flatMap((name) =>
          withBias(`${source}.self_attn.${name}_proj`, `${target}.attn_${name}`, width, width),
        ),
        ...withBias(`${source}.self_attn.o_proj`, `${target}.attn_out`, width, width),
        ...withBias(`${source}.input_layernorm`, `${target}.ln1`, width),
        ...withBias(`${source}.post_attention_layernorm`, `${target}.ln2`, width),
        ...withBias(`${source}.mlp.fc1`, `${target}.ffn_up`, inner, width),
        ...withBias(`${source}.mlp.fc2`, `${target}.ffn_down`, width, inner),
      ];
    }).flat(),
  ];
}

/** The layers of the adapter, and the projection into the text model. */
function projectorTensors(vision: VisionConfig, textWidth: number): TensorRule[] {
  const { projector_input_dim: input, projector_output_dim: output } = vision;
  return [
    copied('vision_model.vision_adapter.mlp.fc1.weight', 'mm.model.mlp.1.weight', [input, vision.intermediate_size]),
    copied('vision_model.vision_adapter.mlp.fc2.weight', 'mm.model.mlp.2.weight', [output, output]),
    copied('multi_modal_projector.linear_1.weight', 'mm.model.fc.weight', [textWidth, vision.vision_output_dim]),
  ];
}
