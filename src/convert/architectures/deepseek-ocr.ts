import { z } from 'zod';
import { blockCount, size, vocabularySize } from '../checkpoint/parse-config.ts';
import { bool, float32, uint32 } from '../gguf/key-values.ts';
import type { GgufValue } from '../gguf/key-values.ts';
import { writeBpeTokenizer } from '../tokenizers/bpe-tokenizer.ts';
import type { Declare, TensorRule } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import {
  decoderIgnored,
  decoderName,
  everyLayer,
  feedForwardTensors,
  sharedExperts,
  stackedExperts,
} from './decoder-tensors.ts';
import { copied } from './tensor-rules.ts';
import { writeTextParameters } from './text-parameters.ts';

const noLatent = z.literal(false, { error: 'llama.cpp supports this model only without latent attention' });

/** The defaults are those of DeepseekV2Config, part of the checkpoints. */
const textSchema = z
  .looseObject({
    vocab_size: vocabularySize,
    hidden_size: size,
    intermediate_size: size,
    moe_intermediate_size: size,
    num_hidden_layers: blockCount,
    num_attention_heads: size,
    num_key_value_heads: size.nullish(),
    n_routed_experts: size.max(65_536),
    n_shared_experts: size,
    num_experts_per_tok: size,
    first_k_dense_replace: z.int().min(0).default(0),
    n_group: z.literal(1, { error: 'llama.cpp would select groups of experts first' }).nullish(),
    topk_group: size.nullish(),
    topk_method: z
      .literal('greedy', { error: 'llama.cpp chooses the highest-scoring experts overall' })
      .default('greedy'),
    scoring_func: z.enum(['softmax', 'sigmoid']).optional(),
    norm_topk_prob: z.boolean().default(false),
    routed_scaling_factor: z.number().nullish(),
    use_mla: noLatent,
    qk_rope_head_dim: z.int().min(0).default(0),
    max_position_embeddings: size,
    rms_norm_eps: z.number().default(1e-6),
    rope_theta: z.literal(10_000, { error: 'llama.cpp supports only a rotary base of 10000' }).optional(),
    rope_scaling: z.null({ error: 'llama.cpp does not scale the rotary embedding of this model' }).optional(),
    tie_word_embeddings: z.boolean().default(false),
  })
  .refine(
    ({ hidden_size: width, num_attention_heads: heads, num_key_value_heads: headsKv }) =>
      width % (2 * heads) === 0 && (headsKv ?? heads) === heads,
    {
      path: ['num_attention_heads'],
      error: 'llama.cpp needs heads of even size that divide the width, each with its own keys and values',
    },
  );

type TextConfig = z.output<typeof textSchema>;

/** Declares the text model of DeepSeek-OCR: DeepSeek's experts with plain attention. Throws `checkpoint_invalid`. */
export const declareText: Declare = async ({ folder, config: modelConfig }) => {
  const config = readDecoderConfig(textSchema, modelConfig);
  const architecture = 'deepseek2-ocr';
  return {
    architecture,
    canonicalName: decoderName,
    ignored: config.tie_word_embeddings ? [...decoderIgnored, /^lm_head\.weight$/] : decoderIgnored,
    tensors: textTensors(config),
    // The models were trained on prompts without turns and have no template.
    chatTemplate: "{% for m in messages %}{{m['content']}}{% endfor %}",
    writeParameters: (keyValues, fileType) => {
      const parameters = {
        blockCount: config.num_hidden_layers,
        contextLength: config.max_position_embeddings,
        embeddingLength: config.hidden_size,
        feedForwardLength: config.intermediate_size,
        headCount: config.num_attention_heads,
        headCountKv: config.num_key_value_heads ?? config.num_attention_heads,
        rope: { rope_theta: config.rope_theta },
        rmsNormEps: config.rms_norm_eps,
        expertCount: config.n_routed_experts,
        expertUsedCount: config.num_experts_per_tok,
        expertGroupCount: config.n_group ?? undefined,
        expertGroupUsedCount: config.topk_group ?? undefined,
        expertGating: config.scoring_func,
        headDim: undefined,
      };
      writeTextParameters(keyValues, architecture, parameters, fileType);
      const set = (key: string, value: GgufValue): void => {
        keyValues.set(`${architecture}.${key}`, value);
      };
      set('leading_dense_block_count', uint32(config.first_k_dense_replace));
      set('vocab_size', uint32(config.vocab_size));
      set('expert_feed_forward_length', uint32(config.moe_intermediate_size));
      set('expert_shared_count', uint32(config.n_shared_experts));
      if (typeof config.routed_scaling_factor === 'number') {
        set('expert_weights_scale', float32(config.routed_scaling_factor));
      }
      if (config.norm_topk_prob) set('expert_weights_norm', bool(true));
      set('rope.dimension_count', uint32(config.qk_rope_head_dim));
    },
    writeTokenizer: (keyValues) => writeBpeTokenizer(folder, keyValues, config.vocab_size),
  };
};

function textTensors(config: TextConfig): TensorRule[] {
  const { vocab_size: vocabulary, hidden_size: width } = config;
  const { n_routed_experts: experts, moe_intermediate_size: inner } = config;
  return [
    copied('model.embed_tokens.weight', 'token_embd.weight', [vocabulary, width]),
    copied('model.norm.weight', 'output_norm.weight', [width]),
    ...(config.tie_word_embeddings ? [] : [copied('lm_head.weight', 'output.weight', [vocabulary, width])]),
    ...everyLayer(config, (layer, source, target) => [
      copied(`${source}.input_layernorm.weight`, `${target}.attn_norm.weight`, [width]),
      copied(`${source}.post_attention_layernorm.weight`, `${target}.ffn_norm.weight`, [width]),
      ...(['q', 'k', 'v'] as const).map((name) =>
        copied(`${source}.self_attn.${name}_proj.weight`, `${target}.attn_${name}.weight`, [width, width]),
      ),
      copied(`${source}.self_attn.o_proj.weight`, `${target}.attn_output.weight`, [width, width]),
      ...(layer < config.first_k_dense_replace
        ? feedForwardTensors(`${source}.mlp`, `${target}.ffn`, width, config.intermediate_size)
        : [
            copied(`${source}.mlp.gate.weight`, `${target}.ffn_gate_inp.weight`, [experts, width]),
            stackedExperts(`${source}.mlp.experts`, target, { experts, width, inner }),
            ...sharedExperts(`${source}.mlp.shared_experts`, target, width, inner * config.n_shared_experts),
          ]),
    ]),
  ];
}
