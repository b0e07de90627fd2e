import { z } from 'zod';
import { blockCount, size } from '../checkpoint/parse-config.ts';
import type { TensorRule } from './architecture.ts';

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

function withBias(source: string, target: string, rows: number, ...rest: number[]): [string, TensorRule][] {
  return [
    [`vision_model.${source}.weight`, { target: `v.${target}.weight`, shape: [rows, ...rest] }],
    [`vision_model.${source}.bias`, { target: `v.${target}.bias`, shape: [rows] }],
  ];
}

/** The rules for a SigLIP tower's tensors, whose canonical names begin with `vision_model.`. */
export function siglipTensors(config: SiglipConfig): [string, TensorRule][] {
  const { hidden_size: width, intermediate_size: inner, patch_size: patch } = config;
  const positions = Math.floor(config.image_size / patch) ** 2;
  const blocks = Array.from({ length: config.num_hidden_layers }, (_, block) => {
    const [source, target] = [`encoder.layers.${block}`, `blk.${block}`];
    return [
      ...withBias(`${source}.layer_norm1`, `${target}.ln1`, width),
      ...withBias(`${source}.layer_norm2`, `${target}.ln2`, width),
      ...withBias(`${source}.mlp.fc1`, `${target}.ffn_up`, inner, width),
      ...withBias(`${source}.mlp.fc2`, `${target}.ffn_down`, width, inner),
      ...withBias(`${source}.self_attn.k_proj`, `${target}.attn_k`, width, width),
      ...withBias(`${source}.self_attn.out_proj`, `${target}.attn_out`, width, width),
      ...withBias(`${source}.self_attn.q_proj`, `${target}.attn_q`, width, width),
      ...withBias(`${source}.self_attn.v_proj`, `${target}.attn_v`, width, width),
    ];
  });
  return [
    ...withBias('embeddings.patch_embedding', 'patch_embd', width, config.num_channels, patch, patch),
    [
      'vision_model.embeddings.position_embedding.weight',
      { target: 'v.position_embd.weight', shape: [positions, width] },
    ],
    ...withBias('post_layernorm', 'post_ln', width),
    ...blocks.flat(),
  ];
}

/** A head that pools the patches, which only embedding models use. */
export const siglipIgnored = [/^vision_model\.head\./];
