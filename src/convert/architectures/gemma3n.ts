import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { blockCount, size, uint32 as uint32Schema, vocabularySize } from '../checkpoint/parse-config.ts';
import { bool, boolArray, float32, float32Array, uint32 } from '../gguf/key-values.ts';
import type { GgufValue } from '../gguf/key-values.ts';
import { writeSentencePieceTokenizer } from '../tokenizers/sentencepiece-tokenizer.ts';
import type { Declare, TensorRule } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { decoderIgnored, decoderName, everyLayer } from './decoder-tensors.ts';
import { ropesOf } from './gemma3.ts';
import { copied } from './tensor-rules.ts';
import { ropeSchema } from './rope.ts';
import { writeTextParameters } from './text-parameters.ts';

/** What llama.cpp hard-codes for Gemma 3n. */
const builtIn = { inputs: 4, perLayer: 256, rank: 64, softcap: 30, sparseLayers: 10, sparsity: 0.95, ownKeys: 20 };

const only = <Value extends number>(value: Value): z.ZodDefault<z.ZodLiteral<Value>> =>
  z.literal(value, { error: `llama.cpp supports only ${String(value)}` }).default(value);

/** transformers' Gemma3nTextConfig. */
const textSchema = z.looseObject({
  vocab_size: vocabularySize.default(262_400),
  /** Rows of the tables that each layer has of its own: those of what is seen and heard are left out. */
  vocab_size_per_layer_input: vocabularySize.default(262_144),
  hidden_size: size.default(2048),
  hidden_size_per_layer_input: only(builtIn.perLayer),
  intermediate_size: z.union([size, z.array(size)]).default(16_384),
  num_hidden_layers: blockCount.default(35),
  layer_types: z.array(z.enum(['sliding_attention', 'full_attention'])).nullish(),
  num_attention_heads: size.default(8),
  num_key_value_heads: size.default(2),
  head_dim: size.max(65_536).default(256),
  /** How many of the last layers reuse keys and values of earlier ones. */
  num_kv_shared_layers: z.int().min(0).default(15),
  /** The part of each layer's gates that is closed. */
  activation_sparsity_pattern: z.array(z.number()).nullish(),
  altup_active_idx: only(0),
  altup_correct_scale: z.literal(true, { error: 'llama.cpp always scales' }).default(true),
  altup_num_inputs: only(builtIn.inputs),
  laurel_rank: only(builtIn.rank),
  final_logit_softcapping: only(builtIn.softcap),
  attention_bias: z.literal(false, { error: 'llama.cpp has no such biases' }).default(false),
  max_position_embeddings: size.default(32_768),
  rms_norm_eps: z.number().default(1e-6),
  sliding_window: uint32Schema.default(512),
  rope_theta: z.number().positive().default(1_000_000),
  rope_local_base_freq: z.number().positive().default(10_000),
  rope_scaling: ropeSchema.nullish(),
  rope_parameters: z
    .union([z.looseObject({ full_attention: ropeSchema, sliding_attention: ropeSchema }), ropeSchema])
    .nullish(),
});
type TextConfig = z.output<typeof textSchema>;

/** The 0.95 quantile of the normal distribution in single precision, and that of 0. */
const quantiles = { sparse: 1.6448535919189453, dense: -Infinity };

/** Declares the text model of Gemma 3n. Throws `checkpoint_invalid`. */
export const declareText: Declare = async ({ folder, config: modelConfig }) => {
  const config = readDecoderConfig(textSchema, modelConfig);
  const types = checkLayers(config);
  const inner = innerOf(config);
  return {
    architecture: 'gemma3n',
    canonicalName: decoderName,
    ignored: decoderIgnored,
    tensors: textTensors(config, inner),
    writeParameters: (keyValues, fileType) => {
      const { rope, ropeThetaSliding } = ropesOf(config);
      const parameters = {
        blockCount: config.num_hidden_layers,
        contextLength: config.max_position_embeddings,
        embeddingLength: config.hidden_size,
        feedForwardLength: config.intermediate_size,
        headCount: config.num_attention_heads,
        headCountKv: config.num_key_value_heads,
        rope,
        ropeThetaSliding,
        rmsNormEps: config.rms_norm_eps,
        headDim: config.head_dim,
      };
      writeTextParameters(keyValues, 'gemma3n', parameters, fileType);
      const set = (key: string, value: GgufValue): void => {
        keyValues.set(`gemma3n.${key}`, value);
      };
      set('final_logit_softcapping', float32(config.final_logit_softcapping));
      set('attention.sliding_window', uint32(config.sliding_window));
      set('altup.active_idx', uint32(config.altup_active_idx));
      set('altup.num_inputs', uint32(config.altup_num_inputs));
      set('embedding_length_per_layer_input', uint32(config.hidden_size_per_layer_input));
      set('attention.shared_kv_layers', uint32(config.num_kv_shared_layers));
      set(
        'activation_sparsity_scale',
        float32Array(types.map((_, layer) => (isSparse(layer) ? quantiles.sparse : quantiles.dense))),
      );
      set('attention.sliding_window_pattern', boolArray(types.map((type) => type === 'sliding_attention')));
    },
    writeTokenizer: async (keyValues) => {
      await writeSentencePieceTokenizer(folder, keyValues, config.vocab_size);
      keyValues.set('tokenizer.ggml.add_space_prefix', bool(false));
    },
  };
};

function isSparse(layer: number): boolean {
  return layer < builtIn.sparseLayers;
}

/** The layers' types. Throws `checkpoint_invalid` for layers that llama.cpp would compute otherwise, or not at all. */
function checkLayers(config: TextConfig): string[] {
  const { num_hidden_layers: count, num_kv_shared_layers: shared, layer_types: listed } = config;
  const { activation_sparsity_pattern: sparsity } = config;
  const types = Array.from({ length: count }, (_, layer) =>
    listed ? (listed[layer] ?? '') : (layer + 1) % 5 === 0 ? 'full_attention' : 'sliding_attention',
  );
  check(!listed || listed.length === count, 'layer_types', `there are ${String(count)} layers`);
  check(
    count - shared === builtIn.ownKeys,
    'num_kv_shared_layers',
    `llama.cpp has the first ${String(builtIn.ownKeys)} of ${String(count)} layers keep keys and values of their own`,
  );
  check(
    types[builtIn.ownKeys - 2] === 'sliding_attention' && types[builtIn.ownKeys - 1] === 'full_attention',
    'layer_types',
    `llama.cpp takes keys and values from layer ${String(builtIn.ownKeys - 1)} where they slide, and from layer ${String(builtIn.ownKeys)} where they do not`,
  );
  check(
    !sparsity || types.every((_, layer) => sparsity[layer] === (isSparse(layer) ? builtIn.sparsity : 0)),
    'activation_sparsity_pattern',
    `llama.cpp knows ${String(builtIn.sparsity)} in the first ${String(builtIn.sparseLayers)} layers only`,
  );
  check(
    config.vocab_size >= config.vocab_size_per_layer_input,
    'vocab_size_per_layer_input',
    'it is no greater than vocab_size',
  );
  return types;
}

/** The width of the feed-forward networks. Throws `checkpoint_invalid`. */
function innerOf({ intermediate_size: sizes, num_hidden_layers: count }: TextConfig): number {
  if (typeof sizes === 'number') return sizes;
  const [first = 0] = sizes;
  check(
    sizes.length === count && sizes.every((size) => size === first),
    'intermediate_size',
    `llama.cpp has one for all of the ${String(count)} layers`,
  );
  return first;
}

function check(holds: boolean, field: string, reason: string): void {
  if (holds) return;
  const message = `config.json: text_config cannot be converted. ${field}: ${reason}`;
  throw new VserveError('checkpoint_invalid', message);
}

function matrix(source: string, target: string, ...shape: number[]): TensorRule {
  return copied(`${source}.weight`, `${target}.weight`, shape);
}

/**
 * The matrices for all inputs but the active one, in one tensor. In a type that ggml's kernels for AMX take, they would
 * compute the first of them only.
 */
function stacked(source: string, target: string, width: number): TensorRule {
  const numbers = Array.from({ length: builtIn.inputs - 1 }, (_, i) => i);
  return {
    sources: numbers.map((i) => ({ name: `${source}.${i}.weight`, shape: [width, width] })),
    targets: [
      {
        name: `${target}.weight`,
        shape: [numbers.length, width, width],
        pieces: numbers.map((source) => ({ source })),
        type: 'F32',
      },
    ],
  };
}

function textTensors(config: TextConfig, inner: number): TensorRule[] {
  const { vocab_size: vocabulary, hidden_size: width, hidden_size_per_layer_input: perLayer } = config;
  const all = config.num_hidden_layers * perLayer;
  return [
    stacked('model.altup_projections', 'altup_proj', width),
    stacked('model.altup_unembed_projections', 'altup_unembd_proj', width),
    matrix('model.embed_tokens', 'token_embd', vocabulary, width),
    {
      sources: [{ name: 'model.embed_tokens_per_layer.weight', shape: [config.vocab_size_per_layer_input, all] }],
      // What lies between a tensor's pieces and the next tensor is zero: so are the rows that the checkpoint leaves out.
      targets: [{ name: 'per_layer_token_embd.weight', shape: [vocabulary, all], pieces: [{ source: 0 }] }],
    },
    matrix('model.norm', 'output_norm', width),
    matrix('model.per_layer_model_projection', 'per_layer_model_proj', all, width),
    matrix('model.per_layer_projection_norm', 'per_layer_proj_norm', perLayer),
    copied('lm_head.weight', 'output.weight', [vocabulary, width], { optional: true }),
    ...everyLayer(config, (_, source, target) => layerTensors(config, inner, source, target)),
  ];
}

function layerTensors(config: TextConfig, inner: number, source: string, target: string): TensorRule[] {
  const { hidden_size: width, head_dim: headDim, hidden_size_per_layer_input: perLayer } = config;
  const { altup_num_inputs: inputs, laurel_rank: rank } = config;
  const queries = config.num_attention_heads * headDim;
  const keys = config.num_key_value_heads * headDim;
  const coefficients = (from: string, to: string, rows: number): TensorRule =>
    copied(`${source}.altup.${from}.weight`, `${target}.${to}.weight`, [rows, inputs], { type: 'F32' });
  return [
    copied(`${source}.altup.correct_output_scale`, `${target}.altup_correct_scale.weight`, [width]),
    coefficients('correction_coefs', 'altup_correct_coef', inputs),
    matrix(`${source}.altup.modality_router`, `${target}.altup_router`, inputs, width),
    coefficients('prediction_coefs', 'altup_predict_coef', inputs * inputs),
    matrix(`${source}.altup.router_norm`, `${target}.altup_router_norm`, width),
    matrix(`${source}.input_layernorm`, `${target}.attn_norm`, width),
    matrix(`${source}.laurel.linear_left`, `${target}.laurel_l`, rank, width),
    matrix(`${source}.laurel.linear_right`, `${target}.laurel_r`, width, rank),
    matrix(`${source}.laurel.post_laurel_norm`, `${target}.laurel_post_norm`, width),
    matrix(`${source}.mlp.down_proj`, `${target}.ffn_down`, width, inner),
    matrix(`${source}.mlp.gate_proj`, `${target}.ffn_gate`, inner, width),
    matrix(`${source}.mlp.up_proj`, `${target}.ffn_up`, inner, width),
    matrix(`${source}.per_layer_input_gate`, `${target}.inp_gate`, perLayer, width),
    matrix(`${source}.per_layer_projection`, `${target}.proj`, width, perLayer),
    matrix(`${source}.post_attention_layernorm`, `${target}.post_attention_norm`, width),
    matrix(`${source}.post_feedforward_layernorm`, `${target}.post_ffw_norm`, width),
    matrix(`${source}.post_per_layer_input_norm`, `${target}.post_norm`, width),
    matrix(`${source}.pre_feedforward_layernorm`, `${target}.ffn_norm`, width),
    matrix(`${source}.self_attn.k_norm`, `${target}.attn_k_norm`, headDim),
    matrix(`${source}.self_attn.k_proj`, `${target}.attn_k`, keys, width),
    matrix(`${source}.self_attn.o_proj`, `${target}.attn_output`, width, queries),
    matrix(`${source}.self_attn.q_norm`, `${target}.attn_q_norm`, headDim),
    matrix(`${source}.self_attn.q_proj`, `${target}.attn_q`, queries, width),
    matrix(`${source}.self_attn.v_proj`, `${target}.attn_v`, keys, width),
  ];
}
