import { z } from 'zod';
import { blockCount, size } from '../checkpoint/parse-config.ts';
import type { TensorRule } from './architecture.ts';
import { copied, withBias } from './tensor-rules.ts';

/** The configuration of a SigLIP vision tower, with the defaults of transformers' SiglipVisionConfig. */
export const siglipSchema = z.looseObject({
  hidden_size: size.default(768),
  intermediate_size: size.default(3072),
  num_hidden_layers: blockCount.default(12),
  num_attention_heads: size.default(12),
  num_channels: size.default(3),
  image_size: size.default(224),
  patch_size: size.default(16),
  layer_norm_eps: z.number().default(1e-6),
});

export type SiglipConfig = z.output<typeof siglipSchema>;

function module(source: string, target: string, rows: number, ...rest: number[]): TensorRule[] {
  return withBias(`vision_model.${source}`, `v.${target}`, rows, ...rest);
}

/** The rules for one of its layers, which are CLIP's too. */
export function encoderLayer(
  { hidden_size: width, intermediate_size: inner }: Pick<SiglipConfig, 'hidden_size' | 'intermediate_size'>,
  layer: number,
): TensorRule[] {
  const [source, target] = [`encoder.layers.${layer}`, `blk.${layer}`];
  return [
    ...module(`${source}.layer_norm1`, `${target}.ln1`, width),
    ...module(`${source}.layer_norm2`, `${target}.ln2`, width),
    ...module(`${source}.mlp.fc1`, `${target}.ffn_up`, inner, width),
    ...module(`${source}.mlp.fc2`, `${target}.ffn_down`, width, inner),
    ...module(`${source}.self_attn.k_proj`, `${target}.attn_k`, width, width),
    ...module(`${source}.self_attn.out_proj`, `${target}.attn_out`, width, width),
    ...module(`${source}.self_attn.q_proj`, `${target}.attn_q`, width, width),
    ...module(`${source}.self_attn.v_proj`, `${target}.attn_v`, width, width),
  ];
}

/**
 * The rules for a SigLIP tower's tensors, whose canonical names begin with `vision_model.`.
 *
 * @param types the type of all embeddings, where it is not left to the output type
 */
export function siglipTensors(config: SiglipConfig, types: { embeddings?: 'F32' } = {}): TensorRule[] {
  const { hidden_size: width, patch_size: patch } = config;
  const positions = Math.floor(config.image_size / patch) ** 2;
  const blocks = Array.from({ length: config.num_hidden_layers }, (_, layer) => encoderLayer(config, layer));
  const type = types.embeddings === undefined ? {} : { type: types.embeddings };
  const embeddings = 'vision_model.embeddings';
  return [
    copied(
      `${embeddings}.patch_embedding.weight`,
      'v.patch_embd.weight',
      [width, config.num_channels, patch, patch],
      type,
    ),
    copied(`${embeddings}.patch_embedding.bias`, 'v.patch_embd.bias', [width]),
    copied(`${embeddings}.position_embedding.weight`, 'v.position_embd.weight', [positions, width], type),
    ...module('post_layernorm', 'post_ln', width),
    ...blocks.flat(),
  ];
}

/** A head that pools the patches, which only embedding models use. */
export const siglipIgnored = [/^vision_model\.head\./];
