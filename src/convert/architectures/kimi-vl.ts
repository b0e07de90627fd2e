import { z } from 'zod';
import { blockCount, parseConfig, size, vocabularySize } from '../checkpoint/parse-config.ts';
import { bool, float32, string, uint32 } from '../gguf/key-values.ts';
import { permute, slice, viewOf } from '../tensor-view.ts';
import { writeKimiTokenizer } from '../tokenizers/kimi-tokenizer.ts';
import type { Declare, TensorRule } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { imageWarnings, writeUnlessUsual } from './image-settings.ts';
import {
  decoderIgnored,
  decoderName,
  everyLayer,
  feedForwardTensors,
  sharedExperts,
  stackedExperts,
} from './decoder-tensors.ts';
import { copied, withBias } from './tensor-rules.ts';
import { ropeSchema, writeTextParameters } from './text-parameters.ts';
import { preprocessorSchema, readPreprocessor, towerParameters, writeVisionParameters } from './vision-parameters.ts';
import { splitQkv } from './vision-tensors.ts';
import { imageProcessors } from './image-processors.ts';

/** The defaults are those of DeepseekV3Config, part of the checkpoints. */
const textSchema = z.looseObject({
  vocab_size: vocabularySize,
  hidden_size: size,
  intermediate_size: size,
  moe_intermediate_size: size,
  num_hidden_layers: blockCount,
  num_attention_heads: size,
  n_routed_experts: size.max(65_536),
  n_shared_experts: size.nullish(),
  num_experts_per_tok: size,
  first_k_dense_replace: z.int().min(0).default(0),
  n_group: size.nullish(),
  topk_group: size.nullish(),
  scoring_func: z.enum(['softmax', 'sigmoid']).default('softmax'),
  topk_method: z.string().default('greedy'),
  norm_topk_prob: z.boolean().default(false),
  routed_scaling_factor: z.number().default(1),
  kv_lora_rank: size.default(512),
  q_lora_rank: size.nullish(),
  qk_nope_head_dim: size.default(128),
  qk_rope_head_dim: size.default(64),
  v_head_dim: size.default(128),
  max_position_embeddings: size,
  rms_norm_eps: z.number().default(1e-6),
  rope_theta: z.number().positive().default(10_000),
  rope_scaling: ropeSchema.nullish(),
  rope_parameters: ropeSchema.nullish(),
  tie_word_embeddings: z.boolean().default(false),
});

type TextConfig = z.output<typeof textSchema>;

/** Declares the text model of Kimi-VL: DeepSeek's attention with latent keys and values. Throws `checkpoint_invalid`. */
export const declareText: Declare = async ({ folder, config: modelConfig }) => {
  const config = readDecoderConfig(textSchema, modelConfig);
  const { kv_lora_rank: latent, qk_nope_head_dim: plain, qk_rope_head_dim: rotary, v_head_dim: values } = config;
  const architecture = 'deepseek2';
  return {
    architecture,
    canonicalName: (name) => decoderName(name).replace('e_score_correction_bias', 'e_score_correction.bias'),
    ignored: decoderIgnored,
    tensors: textTensors(config),
    writeParameters: (keyValues, fileType) => {
      const parameters = {
        blockCount: config.num_hidden_layers,
        contextLength: config.max_position_embeddings,
        embeddingLength: config.hidden_size,
        feedForwardLength: config.intermediate_size,
        headCount: config.num_attention_heads,
        headCountKv: 1, // all heads share the latent keys and values
        rope: { rope_theta: config.rope_theta, ...(config.rope_parameters ?? config.rope_scaling) },
        rmsNormEps: config.rms_norm_eps,
        expertCount: config.n_routed_experts,
        expertUsedCount: config.num_experts_per_tok,
        expertGroupCount: config.n_group ?? undefined,
        expertGroupUsedCount: config.topk_group ?? undefined,
        expertGating: config.scoring_func,
        headDim: undefined,
      };
      writeTextParameters(keyValues, architecture, parameters, fileType);
      const set = (key: string, value: Parameters<typeof keyValues.set>[1]): void => {
        keyValues.set(`${architecture}.${key}`, value);
      };
      set('leading_dense_block_count', uint32(config.first_k_dense_replace));
      set('vocab_size', uint32(config.vocab_size));
      if (config.q_lora_rank) set('attention.q_lora_rank', uint32(config.q_lora_rank));
      set('attention.kv_lora_rank', uint32(latent));
      set('attention.key_length', uint32(latent + rotary));
      set('attention.value_length', uint32(latent));
      set('attention.key_length_mla', uint32(plain + rotary));
      set('attention.value_length_mla', uint32(values));
      set('expert_feed_forward_length', uint32(config.moe_intermediate_size));
      set('expert_shared_count', uint32(config.n_shared_experts ?? 0));
      set('expert_weights_scale', float32(config.routed_scaling_factor));
      if (config.norm_topk_prob) set('expert_weights_norm', bool(true));
      set('rope.dimension_count', uint32(rotary));
    },
    writeTokenizer: (keyValues) => writeKimiTokenizer(folder, keyValues, config.vocab_size),
  };
};

function textTensors(config: TextConfig): TensorRule[] {
  const { vocab_size: vocabulary, hidden_size: width, num_attention_heads: heads } = config;
  const { n_routed_experts: experts, moe_intermediate_size: inner } = config;
  const sharedInner = inner * (config.n_shared_experts ?? 0);
  return [
    copied('model.embed_tokens.weight', 'token_embd.weight', [vocabulary, width]),
    copied('model.norm.weight', 'output_norm.weight', [width]),
    ...(config.tie_word_embeddings ? [] : [copied('lm_head.weight', 'output.weight', [vocabulary, width])]),
    ...everyLayer(config, (layer, source, target) => [
      copied(`${source}.input_layernorm.weight`, `${target}.attn_norm.weight`, [width]),
      copied(`${source}.post_attention_layernorm.weight`, `${target}.ffn_norm.weight`, [width]),
      ...latentAttention(config, `${source}.self_attn`, target),
      copied(`${source}.self_attn.o_proj.weight`, `${target}.attn_output.weight`, [width, heads * config.v_head_dim]),
      ...(layer < config.first_k_dense_replace
        ? feedForwardTensors(`${source}.mlp`, `${target}.ffn`, width, config.intermediate_size)
        : [
            copied(`${source}.mlp.gate.weight`, `${target}.ffn_gate_inp.weight`, [experts, width]),
            ...(config.topk_method === 'noaux_tc'
              ? [copied(`${source}.mlp.gate.e_score_correction.bias`, `${target}.exp_probs_b.bias`, [experts])]
              : []),
            stackedExperts(`${source}.mlp.experts`, target, { experts, width, inner }),
            ...(sharedInner > 0 ? sharedExperts(`${source}.mlp.shared_experts`, target, width, sharedInner) : []),
          ]),
    ]),
  ];
}

/** Queries, perhaps through a latent vector; keys and values through one. llama.cpp wants the key's half transposed. */
function latentAttention(config: TextConfig, source: string, target: string): TensorRule[] {
  const { hidden_size: width, num_attention_heads: heads, kv_lora_rank: latent, q_lora_rank: queryLatent } = config;
  const { qk_nope_head_dim: plain, qk_rope_head_dim: rotary, v_head_dim: values } = config;
  const queries = heads * (plain + rotary);
  const perHead = viewOf(heads, plain + values, latent);
  return [
    ...(queryLatent
      ? [
          copied(`${source}.q_a_proj.weight`, `${target}.attn_q_a.weight`, [queryLatent, width]),
          copied(`${source}.q_a_layernorm.weight`, `${target}.attn_q_a_norm.weight`, [queryLatent]),
          copied(`${source}.q_b_proj.weight`, `${target}.attn_q_b.weight`, [queries, queryLatent]),
        ]
      : [copied(`${source}.q_proj.weight`, `${target}.attn_q.weight`, [queries, width])]),
    copied(`${source}.kv_a_proj_with_mqa.weight`, `${target}.attn_kv_a_mqa.weight`, [latent + rotary, width]),
    copied(`${source}.kv_a_layernorm.weight`, `${target}.attn_kv_a_norm.weight`, [latent]),
    {
      sources: [{ name: `${source}.kv_b_proj.weight`, shape: [heads * (plain + values), latent] }],
      targets: [
        {
          name: `${target}.attn_k_b.weight`,
          shape: [heads, latent, plain],
          pieces: [{ source: 0, view: permute(slice(perHead, 1, 0, plain), 0, 2, 1) }],
        },
        {
          name: `${target}.attn_v_b.weight`,
          shape: [heads, values, latent],
          pieces: [{ source: 0, view: slice(perHead, 1, plain, values) }],
        },
      ],
    },
  ];
}

/** The defaults are those of MoonViTConfig, part of the checkpoints. */
const visionSchema = z.looseObject({
  patch_size: size.default(14),
  init_pos_emb_height: size.default(64),
  init_pos_emb_width: size.default(64),
  num_attention_heads: size.default(16),
  num_hidden_layers: blockCount.default(27),
  hidden_size: size.default(1152),
  intermediate_size: size.default(4304),
  merge_kernel_size: z.tuple([z.literal(2), z.literal(2)]).default([2, 2]),
});
const widthSchema = z.looseObject({ hidden_size: size });

/** The most patches of an image: KimiVLImageProcessor, part of the checkpoints, has the same. */
const usualPatches = 4096;
const imageSchema = preprocessorSchema.extend({ in_token_limit: size.max(65_536).default(usualPatches) });

/** Declares MoonViT and the projector of Kimi-VL. Throws `checkpoint_invalid`. */
export const declareVision: Declare = async ({ folder, config }) => {
  const vision = parseConfig(visionSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const { hidden_size: textWidth } = readDecoderConfig(widthSchema, config);
  const images = await readPreprocessor(folder, imageSchema, imageProcessors.kimiVl);
  const { hidden_size: width, intermediate_size: inner, patch_size: patch } = vision;
  const { init_pos_emb_height: height, init_pos_emb_width: columns } = vision;
  const merged = width * 4;
  const positions = 'vision_tower.patch_embed.pos_emb.weight';
  return {
    architecture: 'clip',
    canonicalName: (name) => name,
    ignored: [],
    warnings: imageWarnings(images, imageProcessors.kimiVl, {
      merge_kernel_size: vision.merge_kernel_size,
      pad_input: true,
      patch_size: patch,
    }),
    tensors: [
      ...withBias('vision_tower.patch_embed.proj', 'v.patch_embd', width, 3, patch, patch),
      {
        sources: [{ name: positions, shape: [height, columns, width] }],
        targets: [{ name: 'v.position_embd.weight', shape: [height * columns, width] }],
      },
      ...Array.from({ length: vision.num_hidden_layers }, (_, layer) => {
        const [source, target] = [`vision_tower.encoder.blocks.${layer}`, `v.blk.${layer}`];
        return [
          ...splitQkv(`${source}.wqkv`, target, width),
          ...withBias(`${source}.wo`, `${target}.attn_out`, width, width),
          ...withBias(`${source}.norm0`, `${target}.ln1`, width),
          ...withBias(`${source}.norm1`, `${target}.ln2`, width),
          ...withBias(`${source}.mlp.fc0`, `${target}.ffn_up`, inner, width),
          ...withBias(`${source}.mlp.fc1`, `${target}.ffn_down`, width, inner),
        ];
      }).flat(),
      ...withBias('vision_tower.encoder.final_layernorm', 'v.post_ln', width),
      ...withBias('multi_modal_projector.pre_norm', 'mm.input_norm', width),
      ...withBias('multi_modal_projector.linear_1', 'mm.1', merged, merged),
      ...withBias('multi_modal_projector.linear_2', 'mm.2', textWidth, merged),
    ],
    writeParameters: (keyValues, fileType) => {
      const tower = {
        ...vision,
        image_size: 64 * 14, // the encoder takes any size; llama.cpp wants one
      };
      writeVisionParameters(keyValues, towerParameters(tower, textWidth, images), fileType);
      keyValues
        .set('clip.projector_type', string('kimivl'))
        .set('clip.use_gelu', bool(true))
        .set('clip.vision.projector.scale_factor', uint32(2))
        .set('clip.vision.attention.layer_norm_epsilon', float32(1e-5));
      const [limit, usual] = [images.in_token_limit, usualPatches].map((patches) => patches * patch ** 2);
      writeUnlessUsual(keyValues, 'clip.vision.image_max_pixels', limit ?? 0, usual ?? 0);
    },
  };
};
