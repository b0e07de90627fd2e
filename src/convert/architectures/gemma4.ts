import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { blockCount, size, uint32 as uint32Schema, vocabularySize } from '../checkpoint/parse-config.ts';
import { boolArray, float32, uint32 } from '../gguf/key-values.ts';
import type { GgufValue } from '../gguf/key-values.ts';
import { writeGemma4Tokenizer } from '../tokenizers/gemma4-tokenizer.ts';
import type { Declare, TensorRule } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { decoderIgnored, decoderName, everyLayer } from './decoder-tensors.ts';
import { copied } from './tensor-rules.ts';
import { writeTextParameters } from './text-parameters.ts';

/** Elements of a head. The limit keeps a corrupt configuration from a table without an end. */
const headSize = size.max(65_536);
const layerTypes = ['sliding_attention', 'full_attention'] as const;
const fullRope = z.looseObject({
  rope_type: z.literal('proportional', { error: 'Gemma 4 turns a part of each head in its global layers' }),
  partial_rotary_factor: z.number().positive().max(1),
  rope_theta: z.number().positive().default(1_000_000),
});
const slidingRope = z.looseObject({
  rope_type: z.literal('default').default('default'),
  rope_theta: z.number().positive().default(10_000),
});

/** transformers' Gemma4TextConfig. */
const textSchema = z.looseObject({
  vocab_size: vocabularySize.default(262_144),
  vocab_size_per_layer_input: vocabularySize.default(262_144),
  hidden_size: size.default(2304),
  /** Of the embeddings that each layer has of its own; 0 where there are none. */
  hidden_size_per_layer_input: z.int().min(0).max(65_536).nullish(),
  intermediate_size: size.default(9216),
  num_hidden_layers: blockCount.default(30),
  layer_types: z.array(z.enum(layerTypes)).nullish(),
  num_attention_heads: size.default(8),
  num_key_value_heads: size.default(4),
  head_dim: headSize.default(256),
  /** What global layers have instead. */
  global_head_dim: headSize.nullish(),
  num_global_key_value_heads: size.nullish(),
  /** The same by layer, as later releases of transformers write it. */
  per_layer_config: z
    .record(z.string(), z.looseObject({ head_dim: headSize.optional(), num_key_value_heads: size.optional() }))
    .nullish(),
  /** In global layers, keys are values too. */
  attention_k_eq_v: z.boolean().default(false),
  /** How many of the last layers reuse keys and values of earlier ones. */
  num_kv_shared_layers: z.int().min(0).default(0),
  /** Whether these have feed-forward networks of double width. */
  use_double_wide_mlp: z.boolean().default(false),
  enable_moe_block: z.boolean().default(false),
  num_experts: size.max(65_536).nullish(),
  top_k_experts: size.nullish(),
  expert_intermediate_size: size.nullish(),
  moe_intermediate_size: size.nullish(),
  max_position_embeddings: size.default(131_072),
  rms_norm_eps: z.number().default(1e-6),
  sliding_window: uint32Schema.default(512),
  final_logit_softcapping: z.number().nullish(),
  use_bidirectional_attention: z
    .literal('vision', { error: 'llama.cpp does not support bidirectional attention in this model' })
    .nullish(),
  rope_parameters: z.looseObject({ full_attention: fullRope, sliding_attention: slidingRope }).default({
    full_attention: { rope_type: 'proportional', partial_rotary_factor: 0.25, rope_theta: 1_000_000 },
    sliding_attention: { rope_type: 'default', rope_theta: 10_000 },
  }),
});

type TextConfig = z.output<typeof textSchema>;

/** What differs between the layers. */
interface Layer {
  readonly isGlobal: boolean;
  readonly headDim: number;
  readonly headsKv: number;
  readonly inner: number;
  /** It has keys and values of its own. */
  readonly hasKeys: boolean;
}

const globalHeadDim = 512;
/** An angle divided by it is none at all. */
const never = 1e30;

/** Declares the text model of Gemma 4, dense or a mixture of experts. Throws `checkpoint_invalid`. */
export const declareText: Declare = async ({ folder, config: modelConfig }) => {
  const config = readDecoderConfig(textSchema, modelConfig);
  const layers = layersOf(config);
  const headDim = layers.find(({ isGlobal }) => isGlobal)?.headDim ?? globalHeadDim;
  const { full_attention: full, sliding_attention: sliding } = config.rope_parameters;
  return {
    architecture: 'gemma4',
    canonicalName: decoderName,
    ignored: decoderIgnored,
    tensors: textTensors(config, layers),
    generated: [{ name: 'rope_freqs.weight', values: () => ropeFactors(headDim, full.partial_rotary_factor) }],
    writeParameters: (keyValues, fileType) => {
      const headCounts = layers.map(({ headsKv }) => headsKv);
      const parameters = {
        blockCount: config.num_hidden_layers,
        contextLength: config.max_position_embeddings,
        embeddingLength: config.hidden_size,
        feedForwardLength: config.use_double_wide_mlp ? layers.map(({ inner }) => inner) : config.intermediate_size,
        headCount: config.num_attention_heads,
        headCountKv: globalHeadsKv(config) === undefined ? config.num_key_value_heads : headCounts,
        rope: { rope_theta: full.rope_theta },
        ropeThetaSliding: sliding.rope_theta,
        rmsNormEps: config.rms_norm_eps,
        expertCount: config.num_experts ?? undefined,
        expertUsedCount: config.top_k_experts ?? undefined,
        headDim,
      };
      writeTextParameters(keyValues, 'gemma4', parameters, fileType);
      const set = (key: string, value: GgufValue | undefined): void => {
        keyValues.set(`gemma4.${key}`, value);
      };
      const { final_logit_softcapping: softcap } = config;
      const expertInner = expertWidth(config);
      set('final_logit_softcapping', softcap ? float32(softcap) : undefined);
      set('attention.sliding_window', uint32(config.sliding_window));
      set('attention.shared_kv_layers', uint32(config.num_kv_shared_layers));
      set('embedding_length_per_layer_input', uint32(config.hidden_size_per_layer_input ?? 0));
      set('attention.sliding_window_pattern', boolArray(layers.map(({ isGlobal }) => !isGlobal)));
      set('attention.key_length_swa', uint32(config.head_dim));
      set('attention.value_length_swa', uint32(config.head_dim));
      set('expert_feed_forward_length', expertInner === undefined ? undefined : uint32(expertInner));
      set('rope.dimension_count', uint32(headDim));
      set('rope.dimension_count_swa', uint32(config.head_dim));
    },
    writeTokenizer: (keyValues) => writeGemma4Tokenizer(folder, keyValues, config.vocab_size),
  };
};

function layersOf(config: TextConfig): Layer[] {
  const { num_hidden_layers: count, layer_types: types } = config;
  if (types && types.length !== count) {
    const message = `config.json has layer_types for ${types.length} layers, but ${count} layers.`;
    throw new VserveError('checkpoint_invalid', message);
  }
  const firstShared = count - config.num_kv_shared_layers;
  const headDim = config.global_head_dim ?? ofGlobalLayers(config, 'head_dim') ?? globalHeadDim;
  const headsKv = globalHeadsKv(config) ?? config.num_key_value_heads;
  return Array.from({ length: count }, (_, layer) => {
    // Without a list every sixth layer is global, and the last one always.
    const isGlobal = types ? types[layer] === 'full_attention' : (layer + 1) % 6 === 0 || layer === count - 1;
    const hasKeys = layer < firstShared;
    return {
      isGlobal,
      headDim: isGlobal ? headDim : config.head_dim,
      headsKv: isGlobal ? headsKv : config.num_key_value_heads,
      inner: config.intermediate_size * (config.use_double_wide_mlp && !hasKeys ? 2 : 1),
      hasKeys,
    };
  });
}

/** How many heads of keys global layers have, where it is another number. */
function globalHeadsKv(config: TextConfig): number | undefined {
  if (!config.attention_k_eq_v) return undefined;
  return config.num_global_key_value_heads ?? ofGlobalLayers(config, 'num_key_value_heads');
}

function ofGlobalLayers(config: TextConfig, key: 'head_dim' | 'num_key_value_heads'): number | undefined {
  const { per_layer_config: perLayer, layer_types: types } = config;
  const [, settings] =
    Object.entries(perLayer ?? {}).find(
      ([layer, settings]) => types?.[Number(layer)] === 'full_attention' && settings[key] !== undefined,
    ) ?? [];
  return settings?.[key];
}

function expertWidth(config: TextConfig): number | undefined {
  return config.expert_intermediate_size ?? config.moe_intermediate_size ?? undefined;
}

/**
 * By what each angle of a global layer is divided. Only a part of each half of a head turns, and llama.cpp would look
 * for it elsewhere: it turns whole heads, the rest by nothing.
 */
function ropeFactors(headDim: number, fraction: number): number[] {
  const half = Math.floor(headDim / 2);
  const turning = Math.trunc((headDim * fraction) / 2);
  return Array.from({ length: half }, (_, i) => (i < turning ? 1 : never));
}

function matrix(source: string, target: string, ...shape: number[]): TensorRule {
  return copied(`${source}.weight`, `${target}.weight`, shape);
}

function textTensors(config: TextConfig, layers: readonly Layer[]): TensorRule[] {
  const { vocab_size: vocabulary, hidden_size: width, hidden_size_per_layer_input: perLayer } = config;
  const all = config.num_hidden_layers * (perLayer ?? 0);
  return [
    matrix('model.embed_tokens', 'token_embd', vocabulary, width),
    matrix('model.norm', 'output_norm', width),
    copied('lm_head.weight', 'output.weight', [vocabulary, width], { optional: true }),
    ...(perLayer
      ? [
          matrix('model.embed_tokens_per_layer', 'per_layer_token_embd', config.vocab_size_per_layer_input, all),
          matrix('model.per_layer_model_projection', 'per_layer_model_proj', all, width),
          matrix('model.per_layer_projection_norm', 'per_layer_proj_norm', perLayer),
        ]
      : []),
    ...everyLayer(config, (index, source, target) => {
      const layer = layers[index];
      if (layer === undefined) return [];
      return [
        ...attention(config, layer, source, target),
        copied(`${source}.layer_scalar`, `${target}.layer_output_scale.weight`, [1]),
        matrix(`${source}.mlp.down_proj`, `${target}.ffn_down`, width, layer.inner),
        matrix(`${source}.mlp.gate_proj`, `${target}.ffn_gate`, layer.inner, width),
        matrix(`${source}.mlp.up_proj`, `${target}.ffn_up`, layer.inner, width),
        matrix(`${source}.pre_feedforward_layernorm`, `${target}.ffn_norm`, width),
        matrix(`${source}.post_feedforward_layernorm`, `${target}.post_ffw_norm`, width),
        ...(perLayer
          ? [
              matrix(`${source}.per_layer_input_gate`, `${target}.inp_gate`, perLayer, width),
              matrix(`${source}.per_layer_projection`, `${target}.proj`, width, perLayer),
              matrix(`${source}.post_per_layer_input_norm`, `${target}.post_norm`, width),
            ]
          : []),
        ...(config.enable_moe_block ? experts(config, source, target) : []),
      ];
    }),
  ];
}

function attention(config: TextConfig, layer: Layer, source: string, target: string): TensorRule[] {
  const { hidden_size: width, num_attention_heads: heads, attention_k_eq_v: keysAreValues } = config;
  const { headDim, headsKv, hasKeys, isGlobal } = layer;
  // The checkpoints on the Hub have them also for layers that use another's.
  const keys = hasKeys ? {} : { optional: true as const };
  const values = hasKeys && !(keysAreValues && isGlobal) ? {} : { optional: true as const };
  return [
    matrix(`${source}.input_layernorm`, `${target}.attn_norm`, width),
    matrix(`${source}.post_attention_layernorm`, `${target}.post_attention_norm`, width),
    matrix(`${source}.self_attn.q_norm`, `${target}.attn_q_norm`, headDim),
    matrix(`${source}.self_attn.q_proj`, `${target}.attn_q`, heads * headDim, width),
    matrix(`${source}.self_attn.o_proj`, `${target}.attn_output`, width, heads * headDim),
    copied(`${source}.self_attn.k_norm.weight`, `${target}.attn_k_norm.weight`, [headDim], keys),
    copied(`${source}.self_attn.k_proj.weight`, `${target}.attn_k.weight`, [headsKv * headDim, width], keys),
    copied(`${source}.self_attn.v_proj.weight`, `${target}.attn_v.weight`, [headsKv * headDim, width], values),
  ];
}

/** Experts beside the dense network, whose gates and ups stay in one tensor. */
function experts(config: TextConfig, source: string, target: string): TensorRule[] {
  const { hidden_size: width, num_experts: count } = config;
  const inner = expertWidth(config);
  if (!count || inner === undefined) return [];
  return [
    copied(`${source}.experts.gate_up_proj`, `${target}.ffn_gate_up_exps.weight`, [count, 2 * inner, width]),
    copied(`${source}.experts.down_proj`, `${target}.ffn_down_exps.weight`, [count, width, inner]),
    matrix(`${source}.router.proj`, `${target}.ffn_gate_inp`, count, width),
    copied(`${source}.router.scale`, `${target}.ffn_gate_inp.scale`, [width]),
    copied(`${source}.router.per_expert_scale`, `${target}.ffn_down_exps.scale`, [count]),
    matrix(`${source}.pre_feedforward_layernorm_2`, `${target}.pre_ffw_norm_2`, width),
    matrix(`${source}.post_feedforward_layernorm_1`, `${target}.post_ffw_norm_1`, width),
    matrix(`${source}.post_feedforward_layernorm_2`, `${target}.post_ffw_norm_2`, width),
  ];
}
