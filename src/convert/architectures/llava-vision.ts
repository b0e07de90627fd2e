import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import type { JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { blockCount, parseConfig, size } from '../checkpoint/parse-config.ts';
import { bool, float32, int32Array, string } from '../gguf/key-values.ts';
import type { Declare, TensorRule } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { featureLayersOf, unusedLayers } from './feature-layers.ts';
import { checkPreparation, preparationSchema } from './llava-preparation.ts';
import { encoderLayer } from './siglip.ts';
import { copied, withBias } from './tensor-rules.ts';
import { readPreprocessor, towerParameters, writeVisionParameters } from './vision-parameters.ts';
import { imageProcessors } from './image-processors.ts';
import { imageWarnings, writeImageSettings } from './image-settings.ts';

const activation = z.enum(['quick_gelu', 'gelu', 'gelu_pytorch_tanh']);

/** The defaults are those of transformers' CLIPVisionConfig. */
const clipSchema = z.looseObject({
  hidden_size: size.default(768),
  intermediate_size: size.default(3072),
  num_hidden_layers: blockCount.default(12),
  num_attention_heads: size.default(12),
  num_channels: z.literal(3).default(3),
  image_size: size.default(224),
  patch_size: size.default(32),
  layer_norm_eps: z.number().default(1e-5),
  hidden_act: activation.default('quick_gelu'),
});

/** The defaults are those of transformers' SiglipVisionConfig. */
const siglipSchema = clipSchema.extend({
  patch_size: size.default(16),
  layer_norm_eps: z.number().default(1e-6),
  hidden_act: activation.default('gelu_pytorch_tanh'),
});

type TowerConfig = z.output<typeof clipSchema>;

const kinds = ['clip_vision_model', 'siglip_vision_model'] as const;
const kindSchema = z.looseObject({
  model_type: z.enum(kinds, { error: 'only the vision encoders CLIP, SigLIP and Pixtral can be converted' }),
});

const topSchema = z.looseObject({
  model_type: z.string().optional(),
  vision_feature_layer: z.union([z.int(), z.array(z.int()).min(1).max(64)]).default(-2),
  vision_feature_select_strategy: z.string().default('default'),
  projector_hidden_act: z.literal('gelu').default('gelu'),
  multimodal_projector_bias: z.literal(true).default(true),
});
const textSchema = z.looseObject({ hidden_size: size.default(4096) });

/** Along one side; models have up to ten. */
const maxTiles = 64;

/** Of LLaVA-NeXT, with the default of its class: heights and widths that tiles of the encoder's size make up. */
const nextSchema = z.looseObject({
  image_grid_pinpoints: z
    .array(z.tuple([size, size]))
    .min(1)
    .max(1024)
    .default([
      [336, 672],
      [672, 336],
      [672, 672],
      [1008, 336],
      [336, 1008],
    ]),
});

/** Declares the CLIP or SigLIP tower of a LLaVA and its projector. Throws `checkpoint_invalid`. */
export const declareTower: Declare = async ({ folder, config }) => {
  const { model_type: kind } = parseConfig(kindSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const isClip = kind === 'clip_vision_model';
  const schema = isClip ? clipSchema : siglipSchema;
  const vision = parseConfig(schema, config.vision_config, 'config.json: vision_config');
  const top = parseConfig(topSchema, config, 'config.json');
  checkStrategy(top.vision_feature_select_strategy, isClip);
  const featureLayers = featureLayersOf('vision_feature_layer', top.vision_feature_layer, vision.num_hidden_layers);
  const layers = featureLayers.at(-1) ?? 0;
  const { hidden_size: textWidth } = readDecoderConfig(textSchema, config);
  const images = await readPreprocessor(folder, preparationSchema, imageProcessors.llava);
  const pinpoints = top.model_type === 'llava_next' ? readPinpoints(config, vision.image_size) : undefined;
  const processor = pinpoints ? imageProcessors.llavaNext : imageProcessors.llava;
  const way = pinpoints ? 'tiles' : isClip ? 'crop' : 'stretch';
  checkPreparation(images, vision.image_size, way);
  const { hidden_size: width } = vision;
  return {
    architecture: 'clip',
    canonicalName: (name) =>
      name
        .replace(/^model\.(?=vision_tower|multi_modal|image_newline)/, '')
        .replace(/^vision_tower\.(?:vision_model\.)?/, 'vision_model.'),
    ignored: [
      /^vision_model\.(?:head|post_layernorm)\./,
      /^vision_model\.embeddings\.position_ids$/,
      ...unusedLayers('vision_model.encoder.layers.', layers, vision.num_hidden_layers),
    ],
    warnings: imageWarnings(images, processor, {
      patch_size: vision.patch_size,
      num_additional_image_tokens: isClip ? 1 : 0,
      pad_size: vision.image_size,
      use_square_size: false,
      vision_feature_select_strategy: top.vision_feature_select_strategy,
      ...(pinpoints ? { image_grid_pinpoints: config.image_grid_pinpoints } : {}),
    }),
    tensors: [
      ...withBias('multi_modal_projector.linear_1', 'mm.0', textWidth, width * featureLayers.length),
      ...withBias('multi_modal_projector.linear_2', 'mm.2', textWidth, textWidth),
      ...(pinpoints ? [copied('image_newline', 'v.image_newline', [textWidth])] : []),
      ...embeddings(vision, isClip),
      ...Array.from({ length: layers }, (_, layer) => encoderLayer(vision, layer)).flat(),
    ],
    writeParameters: (keyValues, fileType) => {
      writeVisionParameters(
        keyValues,
        towerParameters({ ...vision, num_hidden_layers: layers }, textWidth, images),
        fileType,
      );
      keyValues
        .set('clip.projector_type', string('mlp'))
        .set('clip.vision.attention.layer_norm_epsilon', float32(vision.layer_norm_eps))
        .set('clip.use_gelu', bool(vision.hidden_act !== 'quick_gelu'))
        .set('clip.vision.feature_layer', int32Array(featureLayers));
      writeImageSettings(keyValues, images, processor);
      if (pinpoints) keyValues.set('clip.vision.image_grid_pinpoints', int32Array(pinpoints));
    },
  };
};

/**
 * Widths and heights, one after the other, of the images that are cut into tiles.
 *
 * Throws `checkpoint_invalid`.
 */
export function readPinpoints(config: JsonObject, imageSize: number): number[] {
  const { image_grid_pinpoints: pinpoints } = parseConfig(nextSchema, config, 'config.json');
  const fits = (side: number): boolean => side % imageSize === 0 && side <= imageSize * maxTiles;
  if (pinpoints.every((sides) => sides.every(fits))) return pinpoints.flatMap(([height, width]) => [width, height]);
  const message = `config.json cannot be converted. image_grid_pinpoints: not all are made up of tiles of ${imageSize} pixels`;
  throw new VserveError('checkpoint_invalid', message);
}

/** Patches only: CLIP has a token of the whole before them, which `full` would keep; SigLIP has none to leave out. */
function checkStrategy(strategy: string, isClip: boolean): void {
  const wanted = isClip ? 'default' : 'full';
  if (strategy === wanted) return;
  const message = `config.json cannot be converted. vision_feature_select_strategy: with this vision encoder only ${JSON.stringify(wanted)} is known, and it is ${JSON.stringify(strategy)}`;
  throw new VserveError('checkpoint_invalid', message);
}

function embeddings(vision: TowerConfig, isClip: boolean): TensorRule[] {
  const { hidden_size: width, patch_size: patch } = vision;
  const source = 'vision_model.embeddings';
  const positions = Math.floor(vision.image_size / patch) ** 2 + (isClip ? 1 : 0);
  const patches = `${source}.patch_embedding`;
  return [
    ...(isClip
      ? [
          copied(`${source}.class_embedding`, 'v.class_embd', [width]),
          copied(`${patches}.weight`, 'v.patch_embd.weight', [width, 3, patch, patch]),
          ...withBias('vision_model.pre_layrnorm', 'v.pre_ln', width),
        ]
      : withBias(patches, 'v.patch_embd', width, 3, patch, patch)),
    copied(`${source}.position_embedding.weight`, 'v.position_embd.weight', [positions, width]),
  ];
}
