import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { blockCount, parseConfig, size, vocabularySize } from '../checkpoint/parse-config.ts';
import { bool, float32, string, uint32 } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { permute, viewOf } from '../tensor-view.ts';
import { writeBpeTokenizer } from '../tokenizers/bpe-tokenizer.ts';
import type { Declare, TensorRule } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { decoderIgnored, decoderName, everyLayer } from './decoder-tensors.ts';
import {
  imageWarnings,
  tileCount,
  writeArea,
  writeImageSettings,
  writeTiles,
  writeUnlessUsual,
} from './image-settings.ts';
import { siglipSchema, siglipTensors } from './siglip.ts';
import { copied, withBias } from './tensor-rules.ts';
import { ropeSchema, writeTextParameters } from './text-parameters.ts';
import { preprocessorSchema, readPreprocessor, towerParameters, writeVisionParameters } from './vision-parameters.ts';
import { imageProcessors } from './image-processors.ts';

/** The defaults are those of transformers' Lfm2Config. */
const textSchema = z.looseObject({
  vocab_size: vocabularySize.default(65_536),
  hidden_size: size.default(2560),
  intermediate_size: size.default(12_288),
  /** An older name of `intermediate_size`. */
  block_ff_dim: size.optional(),
  num_hidden_layers: blockCount.default(32),
  num_attention_heads: size.default(32),
  num_key_value_heads: size.default(8),
  max_position_embeddings: size.default(128_000),
  norm_eps: z.number().default(1e-5),
  rope_theta: z.number().positive().default(1_000_000),
  /** An older name of `rope_theta`. */
  theta: z.number().positive().optional(),
  rope_parameters: ropeSchema.nullish(),
  conv_L_cache: size.default(3),
  block_multiple_of: size.default(256),
  block_ffn_dim_multiplier: z.number().positive().nullable().default(1),
  block_auto_adjust_ff_dim: z.boolean().default(true),
  layer_types: z.array(z.enum(['conv', 'full_attention'])).nullish(),
  full_attn_idxs: z.array(z.int()).nullish(),
});

type TextConfig = z.output<typeof textSchema>;

/** Declares LFM 2, whose layers are short convolutions and attention. Throws `checkpoint_invalid`. */
export const declareText: Declare = async ({ folder, config: modelConfig }) => {
  const config = readDecoderConfig(textSchema, modelConfig);
  const isAttention = attentionLayers(config);
  const architecture = 'lfm2';
  return {
    architecture,
    canonicalName: decoderName,
    ignored: decoderIgnored,
    tensors: [
      copied('model.embed_tokens.weight', 'token_embd.weight', [config.vocab_size, config.hidden_size]),
      copied('lm_head.weight', 'output.weight', [config.vocab_size, config.hidden_size], { optional: true }),
      copied('model.embedding_norm.weight', 'token_embd_norm.weight', [config.hidden_size]),
      ...everyLayer(config, (layer, source, target) =>
        layerTensors(config, source, target, isAttention[layer] === true),
      ),
    ],
    writeParameters: (keyValues, fileType) => {
      const parameters = {
        blockCount: config.num_hidden_layers,
        contextLength: config.max_position_embeddings,
        embeddingLength: config.hidden_size,
        feedForwardLength: feedForwardLength(config),
        headCount: config.num_attention_heads,
        headCountKv: isAttention.map((attention) => (attention ? config.num_key_value_heads : 0)),
        rope: { rope_theta: config.theta ?? config.rope_theta, ...config.rope_parameters },
        rmsNormEps: config.norm_eps,
        headDim: undefined,
      };
      writeTextParameters(keyValues, architecture, parameters, fileType);
      keyValues
        .set(`${architecture}.vocab_size`, uint32(config.vocab_size))
        .set(`${architecture}.shortconv.l_cache`, uint32(config.conv_L_cache));
    },
    writeTokenizer: (keyValues) => writeBpeTokenizer(folder, keyValues, config.vocab_size),
  };
};

function attentionLayers(config: TextConfig): boolean[] {
  const layers = Array.from({ length: config.num_hidden_layers }, (_, layer) => layer);
  const { layer_types: types, full_attn_idxs: indexes } = config;
  if (types === undefined || types === null) return layers.map((layer) => indexes?.includes(layer) !== false);
  if (types.length === layers.length) return types.map((type) => type === 'full_attention');
  const message = `config.json has layer_types for ${types.length} layers, but ${layers.length} layers.`;
  throw new VserveError('checkpoint_invalid', message);
}

/** The inner width of a layer's feed-forward network, as transformers' Lfm2MLP works it out. */
function feedForwardLength(config: TextConfig): number {
  const inner = config.block_ff_dim ?? config.intermediate_size;
  if (!config.block_auto_adjust_ff_dim) return inner;
  const multiple = config.block_multiple_of;
  const scaled = Math.trunc((config.block_ffn_dim_multiplier ?? 1) * Math.trunc((2 * inner) / 3));
  return multiple * Math.floor((scaled + multiple - 1) / multiple);
}

function layerTensors(config: TextConfig, source: string, target: string, isAttention: boolean): TensorRule[] {
  const { hidden_size: width, num_attention_heads: heads, num_key_value_heads: headsKv, conv_L_cache: kernel } = config;
  const inner = feedForwardLength(config);
  const headDim = Math.floor(width / heads);
  const matrix = (from: string, to: string, ...shape: number[]): TensorRule =>
    copied(`${source}.${from}.weight`, `${target}.${to}.weight`, shape);
  const attention = [
    matrix('self_attn.q_proj', 'attn_q', heads * headDim, width),
    matrix('self_attn.k_proj', 'attn_k', headsKv * headDim, width),
    matrix('self_attn.v_proj', 'attn_v', headsKv * headDim, width),
    matrix('self_attn.out_proj', 'attn_output', width, heads * headDim),
    matrix('self_attn.q_layernorm', 'attn_q_norm', headDim),
    matrix('self_attn.k_layernorm', 'attn_k_norm', headDim),
  ];
  const convolution = [
    {
      sources: [{ name: `${source}.conv.conv.weight`, shape: [width, 1, kernel] }],
      targets: [{ name: `${target}.shortconv.conv.weight`, shape: [width, kernel] }],
    },
    matrix('conv.in_proj', 'shortconv.in_proj', 3 * width, width),
    matrix('conv.out_proj', 'shortconv.out_proj', width, width),
  ];
  return [
    matrix('operator_norm', 'attn_norm', width),
    matrix('ffn_norm', 'ffn_norm', width),
    matrix('feed_forward.w1', 'ffn_gate', inner, width),
    matrix('feed_forward.w3', 'ffn_up', inner, width),
    matrix('feed_forward.w2', 'ffn_down', width, inner),
    ...(isAttention ? attention : convolution),
  ];
}

/** transformers' Siglip2VisionConfig: it has a number of patches, not a size. */
const visionSchema = siglipSchema.extend({ num_patches: size.default(256) });
const topSchema = z.looseObject({
  downsample_factor: size.default(2),
  projector_hidden_size: size.default(2560),
  vision_feature_layer: z.int().max(-1).default(-1),
});
const widthSchema = z.looseObject({ hidden_size: size.default(2560) });

const usual = { minTokens: 64, maxTokens: 256, tiles: { min: 2, max: 10 }, tileSize: 512, tolerance: 2 };
/** A number of tokens, whose pixels are to fit a uint32. */
const tokenCount = size.max(65_536);
/** transformers' Lfm2VlImageProcessor. */
const imageSchema = preprocessorSchema
  .extend({
    min_image_tokens: tokenCount.default(usual.minTokens),
    max_image_tokens: tokenCount.default(usual.maxTokens),
    do_image_splitting: z.boolean().default(true),
    min_tiles: tileCount.default(usual.tiles.min),
    max_tiles: tileCount.default(usual.tiles.max),
    tile_size: size.max(4096).default(usual.tileSize),
    use_thumbnail: z.boolean().default(true),
    max_pixels_tolerance: z.number().positive().default(usual.tolerance),
  })
  .refine(({ min_image_tokens: min, max_image_tokens: max }) => min <= max, {
    path: ['min_image_tokens'],
    error: 'it is greater than max_image_tokens',
  })
  .refine(({ min_tiles: min, max_tiles: max }) => min <= max, {
    path: ['min_tiles'],
    error: 'it is greater than max_tiles',
  });
type ImageSettings = z.output<typeof imageSchema>;

/** Declares the SigLIP 2 tower and the projector of LFM2-VL. Throws `checkpoint_invalid`. */
export const declareVision: Declare = async ({ folder, config }) => {
  const vision = parseConfig(visionSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const top = parseConfig(topSchema, config, 'config.json');
  const { hidden_size: textWidth } = readDecoderConfig(widthSchema, config);
  const images = await readPreprocessor(folder, imageSchema, imageProcessors.lfm2Vl);
  const { hidden_size: width, patch_size: patch } = vision;
  const { downsample_factor: factor, projector_hidden_size: inner } = top;
  const merged = width * factor ** 2;
  const usedLayers = vision.num_hidden_layers + 1 + top.vision_feature_layer;
  return {
    architecture: 'clip',
    canonicalName: (name) => name.replace(/^(?:model\.)?(?:vision_tower\.)?/, ''),
    ignored: [],
    warnings: imageWarnings(images, imageProcessors.lfm2Vl, {
      downsample_factor: factor,
      encoder_patch_size: patch,
      use_image_special_tokens: true,
    }),
    tensors: [
      ...siglipTensors({ ...vision, image_size: patch * Math.sqrt(vision.num_patches) }).map((rule) =>
        rule.targets[0]?.name === 'v.patch_embd.weight' ? linearPatches(rule, width, patch) : rule,
      ),
      ...withBias('multi_modal_projector.layer_norm', 'mm.input_norm', merged).map((rule): TensorRule => ({
        ...rule,
        optional: true,
      })),
      ...withBias('multi_modal_projector.linear_1', 'mm.1', inner, merged),
      ...withBias('multi_modal_projector.linear_2', 'mm.2', textWidth, inner),
    ],
    writeParameters: (keyValues, fileType) => {
      const tower = {
        ...vision,
        image_size: 256, // the encoder takes any size; llama.cpp wants one
        num_hidden_layers: usedLayers,
      };
      writeVisionParameters(keyValues, towerParameters(tower, textWidth, images), fileType);
      keyValues
        .set('clip.projector_type', string('lfm2'))
        .set('clip.vision.attention.layer_norm_epsilon', float32(vision.layer_norm_eps))
        .set('clip.vision.projector.scale_factor', uint32(factor))
        .set('clip.use_gelu', bool(true));
      writeTiling(keyValues, images, (patch * factor) ** 2);
    },
  };
};

/** Writes what differs from Lfm2VlImageProcessor's own settings, which are those of the models on the Hub. */
function writeTiling(keyValues: KeyValues, images: ImageSettings, tokenPixels: number): void {
  const { min_image_tokens: min, max_image_tokens: max, min_tiles: minTiles, max_tiles: maxTiles } = images;
  const area = { min: min * tokenPixels, max: max * tokenPixels };
  writeArea(keyValues, area, { min: usual.minTokens * tokenPixels, max: usual.maxTokens * tokenPixels });
  const tiles = images.do_image_splitting ? { min: minTiles, max: maxTiles } : { min: 1, max: 1 };
  writeTiles(keyValues, tiles, usual.tiles);
  writeUnlessUsual(keyValues, 'vserve.image.tile_size', images.tile_size, usual.tileSize);
  if (!images.use_thumbnail) keyValues.set('vserve.image.thumbnail', bool(false));
  writeImageSettings(keyValues, images, imageProcessors.lfm2Vl);
  if (images.max_pixels_tolerance !== usual.tolerance) {
    keyValues.set('vserve.image.tile_tolerance', float32(images.max_pixels_tolerance));
  }
}

/** SigLIP 2 embeds patches by a linear layer over rows of pixels; llama.cpp wants a convolution, a channel at a time. */
function linearPatches(rule: TensorRule, width: number, patch: number): TensorRule {
  return {
    sources: rule.sources.map((source) => ({ ...source, shape: [width, patch * patch * 3] })),
    targets: rule.targets.map((target) => ({
      ...target,
      pieces: [{ source: 0, view: permute(viewOf(width, patch, patch, 3), 0, 3, 1, 2) }],
    })),
  };
}
