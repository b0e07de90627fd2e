import { z } from 'zod';
import { blockCount, parseConfig, size } from '../checkpoint/parse-config.ts';
import { bool, float32, string, uint32 } from '../gguf/key-values.ts';
import type { Declare, TensorRule } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { copied, withBias } from './tensor-rules.ts';
import { preprocessorSchema, readPreprocessor, writeVisionParameters } from './vision-parameters.ts';
import { splitQkv } from './vision-tensors.ts';

/** One number, or one for each direction. */
const side = z
  .union([size, z.array(size).min(1)])
  .transform((sides) => (Array.isArray(sides) ? (sides[0] ?? 1) : sides));

/** The defaults are those of InternVisionConfig, which comes with the checkpoints. */
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
});

const topSchema = z.looseObject({
  downsample_ratio: z.number().positive().max(1).default(0.5),
  min_dynamic_patch: z.int().default(0),
  max_dynamic_patch: z.int().default(0),
});
const widthSchema = z.looseObject({ hidden_size: size });

/** Declares InternViT and the projector of InternVL. @throws VserveError `checkpoint_invalid` */
export const declareVision: Declare = async ({ folder, config }) => {
  const vision = parseConfig(visionSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const top = parseConfig(topSchema, config, 'config.json');
  const { hidden_size: textWidth } = readDecoderConfig(widthSchema, config);
  const preprocessor = await readPreprocessor(folder, preprocessorSchema);
  const { hidden_size: width, intermediate_size: inner, patch_size: patch } = vision;
  const scaleFactor = Math.floor(1 / top.downsample_ratio);
  const merged = width * scaleFactor ** 2;
  const positions = Math.floor(vision.image_size / patch) ** 2 + 1;
  const norm = (source: string, target: string): TensorRule[] =>
    vision.norm_type === 'layer_norm'
      ? withBias(source, target, width)
      : [copied(`${source}.weight`, `${target}.weight`, [width])];
  return {
    architecture: 'clip',
    canonicalName: (name) => name,
    ignored: [],
    tensors: [
      copied('vision_model.embeddings.class_embedding', 'v.class_embd', [1, 1, width]),
      ...withBias('vision_model.embeddings.patch_embedding', 'v.patch_embd', width, 3, patch, patch),
      copied('vision_model.embeddings.position_embedding', 'v.position_embd.weight', [1, positions, width]),
      ...Array.from({ length: vision.num_hidden_layers }, (_, layer) => {
        const [source, target] = [`vision_model.encoder.layers.${layer}`, `v.blk.${layer}`];
        return [
          ...splitQkv(`${source}.attn.qkv`, target, width, vision.qkv_bias ? 'required' : 'none'),
          ...withBias(`${source}.attn.proj`, `${target}.attn_out`, width, width),
          ...(vision.qk_normalization
            ? ['q', 'k'].map((name) =>
                copied(`${source}.attn.${name}_norm.weight`, `${target}.attn_${name}_norm.weight`, [width]),
              )
            : []),
          copied(`${source}.ls1`, `${target}.ls1.weight`, [width]),
          copied(`${source}.ls2`, `${target}.ls2.weight`, [width]),
          ...withBias(`${source}.mlp.fc1`, `${target}.ffn_up`, inner, width),
          ...withBias(`${source}.mlp.fc2`, `${target}.ffn_down`, width, inner),
          ...norm(`${source}.norm1`, `${target}.ln1`),
          ...norm(`${source}.norm2`, `${target}.ln2`),
        ];
      }).flat(),
      ...withBias('mlp1.0', 'mm.model.mlp.0', merged),
      ...withBias('mlp1.1', 'mm.model.mlp.1', textWidth, merged),
      ...withBias('mlp1.3', 'mm.model.mlp.3', textWidth, textWidth),
    ],
    writeParameters: (keyValues, fileType) => {
      const parameters = {
        projectionDim: textWidth,
        imageSize: vision.image_size,
        patchSize: patch,
        embeddingLength: width,
        feedForwardLength: inner,
        blockCount: vision.num_hidden_layers,
        headCount: vision.num_attention_heads,
        imageMean: preprocessor.image_mean,
        imageStd: preprocessor.image_std,
      };
      writeVisionParameters(keyValues, parameters, fileType);
      keyValues
        .set('clip.projector_type', string('internvl'))
        .set('clip.vision.attention.layer_norm_epsilon', float32(vision.layer_norm_eps))
        .set(`clip.use_${vision.hidden_act}`, bool(true))
        .set('clip.vision.projector.scale_factor', uint32(scaleFactor));
      const { min_dynamic_patch: minTiles, max_dynamic_patch: maxTiles } = top;
      if (minTiles > 0) keyValues.set('clip.vision.preproc_min_tiles', uint32(minTiles));
      if (maxTiles > 0) keyValues.set('clip.vision.preproc_max_tiles', uint32(maxTiles));
    },
  };
};
