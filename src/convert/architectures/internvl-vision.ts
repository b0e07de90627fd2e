import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { blockCount, parseConfig, size } from '../checkpoint/parse-config.ts';
import { bool, float32, string, uint32 } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import type { Declare, TensorRule } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { imageWarnings, tileCount, writeImageSettings, writeTiles } from './image-settings.ts';
import { featureLayersOf, unusedLayers } from './feature-layers.ts';
import { copied, withBias } from './tensor-rules.ts';
import { preprocessorSchema, readPreprocessor, towerParameters, writeVisionParameters } from './vision-parameters.ts';
import { splitQkv } from './vision-tensors.ts';
import { imageProcessors } from './image-processors.ts';

/** One number, or one for each direction. */
const side = z
  .union([size, z.array(size).min(1).max(2)])
  .transform((sides) => (Array.isArray(sides) ? sides : [sides]))
  .refine(([height, width = height]) => height === width, 'llama.cpp supports only squares')
  .transform(([side = 1]) => side);

/** The defaults are those of InternVisionConfig, part of the checkpoints. */
const visionSchema = z.looseObject({
  hidden_size: size.default(3200),
  intermediate_size: size.default(12_800),
  num_hidden_layers: blockCount.default(48),
  num_attention_heads: size.default(25),
  image_size: side.default(224),
  patch_size: side.default(14),
  layer_norm_eps: z.number().default(1e-6),
  hidden_act: z.enum(['gelu', 'silu']).default('gelu'),
  norm_type: z.enum(['layer_norm', 'rms_norm']).default('rms_norm'),
  qkv_bias: z.boolean().default(false),
  qk_normalization: z.boolean().default(true),
  /** What transformers' InternVLVisionConfig calls the last two. */
  attention_bias: z.boolean().default(false),
  use_qk_norm: z.boolean().default(false),
});

type VisionConfig = z.output<typeof visionSchema>;

/** More tiles than any model has; llama.cpp lists all the grids there can be. */
const mostTiles = 1024;
/** What llama.cpp takes where a file says nothing. */
const usualTiles = 12;

const topSchema = z
  .looseObject({
    downsample_ratio: z.number().positive().max(1).default(0.5),
    min_dynamic_patch: z.int().max(mostTiles).default(0),
    max_dynamic_patch: z.int().max(mostTiles).default(0),
    /** Whether images are cut into tiles at all. */
    /** Whether tiles are followed by the whole image. */
    use_thumbnail: z.boolean().default(true),
    dynamic_image_size: z.boolean().default(true),
    /** The side of a tile, if it differs from the encoder's training resolution. */
    force_image_size: size.nullish(),
    /** Which hidden states the projector gets, usually the last. */
    select_layer: z.int().default(-1),
    /** What transformers' InternVLConfig calls it. */
    vision_feature_layer: z.int().default(-1),
    /** The class token is left out. */
    vision_feature_select_strategy: z.literal('default').default('default'),
  })
  .refine(({ min_dynamic_patch: min, max_dynamic_patch: max }) => min <= (max > 0 ? max : usualTiles), {
    path: ['min_dynamic_patch'],
    error: 'it is greater than max_dynamic_patch',
  });
const widthSchema = z.looseObject({ hidden_size: size });
/** InternVLProcessor of transformers. */
const imageSchema = preprocessorSchema
  .extend({ min_patches: tileCount.default(1), max_patches: tileCount.default(usualTiles) })
  .refine(({ min_patches: min, max_patches: max }) => min <= max, {
    path: ['min_patches'],
    error: 'it is greater than max_patches',
  });

/** Declares InternViT and the projector of InternVL. Throws `checkpoint_invalid`. */
export const declareVision: Declare = async (checkpoint) => {
  const { folder, config } = checkpoint;
  const vision = parseConfig(visionSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const top = parseConfig(topSchema, config, 'config.json');
  const { hidden_size: textWidth } = readDecoderConfig(widthSchema, config);
  const { hidden_size: width, patch_size: patch } = vision;
  const scaleFactor = Math.floor(1 / top.downsample_ratio);
  const merged = width * scaleFactor ** 2;
  checkSides(vision, top.force_image_size ?? vision.image_size, scaleFactor);
  const positions = (vision.image_size / patch) ** 2 + 1;
  const isOwn = checkpoint.tensorNames.some((name) => name.startsWith('vision_model.'));
  const processor = isOwn ? imageProcessors.internVlChat : imageProcessors.internVl;
  const images = await readPreprocessor(folder, imageSchema, processor);
  const field = isOwn ? 'select_layer' : 'vision_feature_layer';
  const layers = featureLayersOf(field, top[field], vision.num_hidden_layers).at(-1) ?? 0;
  const used = { ...vision, num_hidden_layers: layers };
  return {
    architecture: 'clip',
    canonicalName: (name) => name.replace(/^model\.(?=vision_tower|multi_modal_projector)/, ''),
    ignored: unusedLayers(
      isOwn ? 'vision_model.encoder.layers.' : 'vision_tower.encoder.layer.',
      layers,
      vision.num_hidden_layers,
    ),
    tensors: isOwn
      ? [...ownTower(used, positions), ...projector(['mlp1.0', 'mlp1.1', 'mlp1.3'], merged, textWidth)]
      : [
          ...transformersTower(used, positions),
          ...projector(
            ['layer_norm', 'linear_1', 'linear_2'].map((name) => `multi_modal_projector.${name}`),
            merged,
            textWidth,
          ),
        ],
    warnings: imageWarnings(images, processor, { size: vision.image_size }),
    writeParameters: (keyValues, fileType) => {
      writeVisionParameters(
        keyValues,
        towerParameters({ ...vision, num_hidden_layers: layers }, textWidth, images),
        fileType,
      );
      keyValues
        .set('clip.projector_type', string('internvl'))
        .set('clip.vision.attention.layer_norm_epsilon', float32(vision.layer_norm_eps))
        .set(`clip.use_${vision.hidden_act}`, bool(true))
        .set('clip.vision.projector.scale_factor', uint32(scaleFactor));
      writeImageSettings(keyValues, images, processor);
      if (isOwn) writeOwnTiles(keyValues, top);
      else writeTiles(keyValues, { min: images.min_patches, max: images.max_patches }, { min: 1, max: usualTiles });
    },
  };
};

/** Writes the tiles by the settings of the checkpoints' own code. */
function writeOwnTiles(keyValues: KeyValues, top: z.output<typeof topSchema>): void {
  const { min_dynamic_patch: min, max_dynamic_patch: max, dynamic_image_size: isTiled } = top;
  if (min > 0) keyValues.set('clip.vision.preproc_min_tiles', uint32(isTiled ? min : 1));
  if (!top.use_thumbnail) keyValues.set('vserve.image.thumbnail', bool(false));
  if (max > 0 || !isTiled) keyValues.set('clip.vision.preproc_max_tiles', uint32(isTiled ? max : 1));
}

/** Tiles are cut into patches, and squares of these are put together. Throws `checkpoint_invalid`. */
function checkSides({ image_size: side, patch_size: patch }: VisionConfig, tile: number, scaleFactor: number): void {
  if (tile !== side) {
    const message = `config.json cannot be converted. force_image_size: tiles of ${tile} pixels do not match vision_config.image_size, which is ${side}`;
    throw new VserveError('checkpoint_invalid', message);
  }
  if (side % (patch * scaleFactor) === 0) return;
  const message = `config.json: vision_config cannot be converted. image_size: ${side} is no multiple of ${patch * scaleFactor}, which is patch_size divided by downsample_ratio`;
  throw new VserveError('checkpoint_invalid', message);
}

/** A layer norm or an RMS norm. */
function normTensors(
  { norm_type: type, hidden_size: width }: VisionConfig,
  source: string,
  target: string,
): TensorRule[] {
  if (type === 'layer_norm') return withBias(source, target, width);
  return [copied(`${source}.weight`, `${target}.weight`, [width])];
}

/** The norms of a layer's queries and keys. */
function headNorms({ hidden_size: width }: VisionConfig, source: string, target: string): TensorRule[] {
  return ['q', 'k'].map((name) =>
    copied(`${source}.${name}_norm.weight`, `${target}.attn_${name}_norm.weight`, [width]),
  );
}

/** The tower, under the names of the checkpoints' own code. */
function ownTower(vision: VisionConfig, positions: number): TensorRule[] {
  const { hidden_size: width, intermediate_size: inner, patch_size: patch } = vision;
  return [
    copied('vision_model.embeddings.class_embedding', 'v.class_embd', [1, 1, width]),
    ...withBias('vision_model.embeddings.patch_embedding', 'v.patch_embd', width, 3, patch, patch),
    copied('vision_model.embeddings.position_embedding', 'v.position_embd.weight', [1, positions, width]),
    ...Array.from({ length: vision.num_hidden_layers }, (_, layer) => {
      const [source, target] = [`vision_model.encoder.layers.${layer}`, `v.blk.${layer}`];
      return [
        ...splitQkv(`${source}.attn.qkv`, target, width, vision.qkv_bias ? 'required' : 'none'),
        ...withBias(`${source}.attn.proj`, `${target}.attn_out`, width, width),
        ...(vision.qk_normalization ? headNorms(vision, `${source}.attn`, target) : []),
        copied(`${source}.ls1`, `${target}.ls1.weight`, [width]),
        copied(`${source}.ls2`, `${target}.ls2.weight`, [width]),
        ...withBias(`${source}.mlp.fc1`, `${target}.ffn_up`, inner, width),
        ...withBias(`${source}.mlp.fc2`, `${target}.ffn_down`, width, inner),
        ...normTensors(vision, `${source}.norm1`, `${target}.ln1`),
        ...normTensors(vision, `${source}.norm2`, `${target}.ln2`),
      ];
    }).flat(),
  ];
}

/** The tower by the names of transformers' InternVLForConditionalGeneration. */
function transformersTower(vision: VisionConfig, positions: number): TensorRule[] {
  const { hidden_size: width, intermediate_size: inner, patch_size: patch } = vision;
  const linear = (source: string, target: string): TensorRule[] =>
    vision.attention_bias
      ? withBias(source, target, width, width)
      : [copied(`${source}.weight`, `${target}.weight`, [width, width])];
  return [
    copied('vision_tower.embeddings.cls_token', 'v.class_embd', [1, 1, width]),
    ...withBias('vision_tower.embeddings.patch_embeddings.projection', 'v.patch_embd', width, 3, patch, patch),
    copied('vision_tower.embeddings.position_embeddings', 'v.position_embd.weight', [1, positions, width]),
    ...Array.from({ length: vision.num_hidden_layers }, (_, layer) => {
      const [source, target] = [`vision_tower.encoder.layer.${layer}`, `v.blk.${layer}`];
      return [
        ...(['q', 'k', 'v'] as const).flatMap((name) =>
          linear(`${source}.attention.${name}_proj`, `${target}.attn_${name}`),
        ),
        ...withBias(`${source}.attention.projection_layer`, `${target}.attn_out`, width, width),
        ...(vision.use_qk_norm ? headNorms(vision, `${source}.attention`, target) : []),
        copied(`${source}.lambda_1`, `${target}.ls1.weight`, [width]),
        copied(`${source}.lambda_2`, `${target}.ls2.weight`, [width]),
        ...withBias(`${source}.mlp.fc1`, `${target}.ffn_up`, inner, width),
        ...withBias(`${source}.mlp.fc2`, `${target}.ffn_down`, width, inner),
        ...normTensors(vision, `${source}.layernorm_before`, `${target}.ln1`),
        ...normTensors(vision, `${source}.layernorm_after`, `${target}.ln2`),
      ];
    }).flat(),
  ];
}

/** `sources` are the names of its norm and its two layers. */
function projector(
  [norm = '', first = '', second = '']: readonly string[],
  merged: number,
  textWidth: number,
): TensorRule[] {
  return [
    ...withBias(norm, 'mm.model.mlp.0', merged),
    ...withBias(first, 'mm.model.mlp.1', textWidth, merged),
    ...withBias(second, 'mm.model.mlp.3', textWidth, textWidth),
  ];
}
