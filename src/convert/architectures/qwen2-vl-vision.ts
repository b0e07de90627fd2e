import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { blockCount, parseConfig, size } from '../checkpoint/parse-config.ts';
import { bool, float32, string, uint32 } from '../gguf/key-values.ts';
import type { Declare, TensorRule } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import {
  areaOf,
  areaSchema,
  imageWarnings,
  qwenProcessorArea,
  writeArea,
  writeImageSettings,
} from './image-settings.ts';
import { framePatches, splitQkv } from './vision-tensors.ts';
import { copied, withBias } from './tensor-rules.ts';
import { readPreprocessor, towerParameters, writeVisionParameters } from './vision-parameters.ts';
import { imageProcessors } from './image-processors.ts';

/** What both encoders have; the defaults are those of transformers' Qwen2VLVisionConfig and Qwen2_5_VLVisionConfig. */
const common = {
  depth: blockCount.default(32),
  num_heads: size.default(16),
  patch_size: size.default(14),
  spatial_merge_size: size.default(2),
  image_size: size.default(560),
};
const qwen2Schema = z.looseObject({
  ...common,
  embed_dim: size.default(1280),
  hidden_size: size.default(3584),
  mlp_ratio: z.number().positive().default(4),
});
const qwen25Schema = z.looseObject({
  ...common,
  hidden_size: size.default(1280),
  intermediate_size: size.default(3420),
  fullatt_block_indexes: z.array(z.int().min(0)).min(1).default([7, 15, 23, 31]),
});

const topSchema = z.looseObject({
  model_type: z.enum(['qwen2_vl', 'qwen2_5_vl']),
  rms_norm_eps: z.number().default(1e-6),
});
const widthSchema = z.looseObject({ hidden_size: size });

/** The limits of Qwen2-VL and Qwen2.5-VL on the Hub. */
const usualArea = { min: 56 * 56, max: 28 * 28 * 16_384 };

interface Tower {
  readonly width: number;
  /** What `clip.vision.feed_forward_length` says; for Qwen2-VL the converter of llama.cpp writes another size there. */
  readonly feedForwardLength: number;
  readonly layer: (source: string, target: string) => TensorRule[];
  readonly mergerNormHasBias: boolean;
  readonly projectorType: string;
  /** Attention covers the whole image, instead of windows, in every n-th layer. */
  readonly windowPattern: number | undefined;
}

/** Declares the vision encoder and merger of Qwen2-VL and Qwen2.5-VL. Throws `checkpoint_invalid`. */
export const declareVision: Declare = async ({ folder, config }) => {
  const top = parseConfig(topSchema, config, 'config.json');
  const { hidden_size: textWidth } = readDecoderConfig(widthSchema, config);
  const vision = parseConfig(z.looseObject(common), config.vision_config ?? {}, 'config.json: vision_config');
  const tower = top.model_type === 'qwen2_vl' ? qwen2Tower(config.vision_config) : qwen25Tower(config.vision_config);
  const images = await readPreprocessor(folder, areaSchema, imageProcessors.qwenVl);
  const area = areaOf(images, qwenProcessorArea);
  const { width } = tower;
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
      ...Array.from({ length: vision.depth }, (_, layer) => {
        const [source, target] = [`visual.blocks.${layer}`, `v.blk.${layer}`];
        return [
          ...splitQkv(`${source}.attn.qkv`, target, width),
          ...withBias(`${source}.attn.proj`, `${target}.attn_out`, width, width),
          ...tower.layer(source, target),
        ];
      }).flat(),
      copied('visual.merger.ln_q.weight', 'v.post_ln.weight', [width]),
      ...(tower.mergerNormHasBias ? [copied('visual.merger.ln_q.bias', 'v.post_ln.bias', [width])] : []),
      ...withBias('visual.merger.mlp.0', 'mm.0', merged, merged),
      ...withBias('visual.merger.mlp.2', 'mm.2', textWidth, merged),
    ],
    writeParameters: (keyValues, fileType) => {
      const sizes = {
        ...vision,
        hidden_size: width,
        intermediate_size: tower.feedForwardLength,
        num_hidden_layers: vision.depth,
        num_attention_heads: vision.num_heads,
      };
      writeVisionParameters(keyValues, towerParameters(sizes, textWidth, images), fileType);
      keyValues.set('clip.projector_type', string(tower.projectorType));
      if (tower.windowPattern !== undefined) {
        keyValues.set('clip.use_silu', bool(true)).set('clip.vision.n_wa_pattern', uint32(tower.windowPattern));
      }
      keyValues.set('clip.vision.attention.layer_norm_epsilon', float32(top.rms_norm_eps));
      writeArea(keyValues, area, usualArea);
      writeImageSettings(keyValues, images, imageProcessors.qwenVl);
    },
  };
};

function qwen2Tower(visionConfig: unknown): Tower {
  const vision = parseConfig(qwen2Schema, visionConfig ?? {}, 'config.json: vision_config');
  const { embed_dim: width } = vision;
  const inner = Math.floor(width * vision.mlp_ratio);
  return {
    width,
    feedForwardLength: vision.hidden_size,
    layer: (source, target) => [
      ...withBias(`${source}.norm1`, `${target}.ln1`, width),
      ...withBias(`${source}.norm2`, `${target}.ln2`, width),
      ...withBias(`${source}.mlp.fc1`, `${target}.ffn_up`, inner, width),
      ...withBias(`${source}.mlp.fc2`, `${target}.ffn_down`, width, inner),
    ],
    mergerNormHasBias: true,
    projectorType: 'qwen2vl_merger',
    windowPattern: undefined,
  };
}

function qwen25Tower(visionConfig: unknown): Tower {
  const vision = parseConfig(qwen25Schema, visionConfig ?? {}, 'config.json: vision_config');
  const { hidden_size: width, intermediate_size: inner, fullatt_block_indexes: indexes } = vision;
  const windowPattern = (indexes[0] ?? 0) + 1;
  if (indexes.some((index, i) => index !== (i + 1) * windowPattern - 1)) {
    const message = `config.json: vision_config has the fullatt_block_indexes ${indexes.join(', ')}, which are not evenly spaced. llama.cpp does not support such an encoder.`;
    throw new VserveError('checkpoint_invalid', message);
  }
  return {
    width,
    feedForwardLength: inner,
    layer: (source, target) => [
      copied(`${source}.norm1.weight`, `${target}.ln1.weight`, [width]),
      copied(`${source}.norm2.weight`, `${target}.ln2.weight`, [width]),
      ...withBias(`${source}.mlp.gate_proj`, `${target}.ffn_gate`, inner, width),
      ...withBias(`${source}.mlp.up_proj`, `${target}.ffn_up`, inner, width),
      ...withBias(`${source}.mlp.down_proj`, `${target}.ffn_down`, width, inner),
    ],
    mergerNormHasBias: false,
    projectorType: 'qwen2.5vl_merger',
    windowPattern,
  };
}
