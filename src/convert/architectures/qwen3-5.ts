import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { size } from '../checkpoint/parse-config.ts';
import { boolArray, int32Array, uint32 } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { permute, slice, viewOf } from '../tensor-view.ts';
import type { TensorView } from '../tensor-view.ts';
import { writeBpeTokenizer } from '../tokenizers/bpe-tokenizer.ts';
import type { Checkpoint, Declare, GgufDeclaration, TensorPiece, TensorRule } from './architecture.ts';
import { decoderParameters, decoderSchema, headDimOf, headsKvOf, readDecoderConfig, ropeOf } from './decoder-config.ts';
import { decoderIgnored, decoderName, feedForwardTensors, packedExperts, stackedExperts } from './decoder-tensors.ts';
import { copied } from './tensor-rules.ts';
import { writeTextParameters } from './text-parameters.ts';

/** The defaults of Qwen3_5TextConfig. */
const textSchema = decoderSchema({
  vocab_size: 248_320,
  hidden_size: 4096,
  intermediate_size: 12_288,
  num_hidden_layers: 32,
  num_attention_heads: 16,
  num_key_value_heads: 4,
  head_dim: 256,
  max_position_embeddings: 32_768,
  rms_norm_eps: 1e-6,
  rope_theta: 10_000,
}).extend({
  layer_types: z.array(z.enum(['linear_attention', 'full_attention'])).nullish(),
  full_attention_interval: size.default(4),
  /** The rotated part of a head, where `rope_parameters` does not state it. */
  partial_rotary_factor: z.number().positive().default(0.25),
  linear_conv_kernel_dim: size.default(4),
  linear_key_head_dim: size.default(128),
  linear_value_head_dim: size.default(128),
  linear_num_key_heads: size.default(16),
  linear_num_value_heads: size.default(32),
  mtp_num_hidden_layers: z.int().min(0).max(64).default(0),
});

const moeSchema = textSchema.extend({
  num_experts: size.max(65_536).default(512),
  num_experts_per_tok: size.default(10),
  moe_intermediate_size: size.default(512),
  shared_expert_intermediate_size: size.default(512),
});

type TextConfig = z.output<typeof textSchema>;
type FeedForward = (source: string, target: string) => TensorRule[];

/** Declares the text model of Qwen 3.5. Throws `checkpoint_invalid`. */
export const declareText: Declare = async (checkpoint) => {
  const config = readDecoderConfig(textSchema, checkpoint.config);
  const feedForward: FeedForward = (source, target) =>
    feedForwardTensors(`${source}.mlp`, `${target}.ffn`, config.hidden_size, config.intermediate_size);
  return declaration(checkpoint, 'qwen35', config, decoderParameters(config), feedForward);
};

/** Declares the text model of the mixtures of experts of Qwen 3.5. Throws `checkpoint_invalid`. */
export const declareMoeText: Declare = async (checkpoint) => {
  const config = readDecoderConfig(moeSchema, checkpoint.config);
  const { hidden_size: width, num_experts: experts, moe_intermediate_size: inner } = config;
  const { shared_expert_intermediate_size: sharedInner } = config;
  const isPacked = checkpoint.tensorNames.some((name) => name.endsWith('.mlp.experts.gate_up_proj'));
  const feedForward: FeedForward = (source, target) => [
    copied(`${source}.mlp.gate.weight`, `${target}.ffn_gate_inp.weight`, [experts, width]),
    ...(isPacked
      ? packedExperts(`${source}.mlp.experts`, target, { experts, width, inner }, false)
      : [stackedExperts(`${source}.mlp.experts`, target, { experts, width, inner })]),
    copied(`${source}.mlp.shared_expert_gate.weight`, `${target}.ffn_gate_inp_shexp.weight`, [1, width]),
    copied(`${source}.mlp.shared_expert.gate_proj.weight`, `${target}.ffn_gate_shexp.weight`, [sharedInner, width]),
    copied(`${source}.mlp.shared_expert.up_proj.weight`, `${target}.ffn_up_shexp.weight`, [sharedInner, width]),
    copied(`${source}.mlp.shared_expert.down_proj.weight`, `${target}.ffn_down_shexp.weight`, [width, sharedInner]),
  ];
  const parameters = {
    ...decoderParameters(config),
    feedForwardLength: undefined,
    expertCount: experts,
    expertUsedCount: config.num_experts_per_tok,
  };
  return declaration(checkpoint, 'qwen35moe', config, parameters, feedForward, (keyValues) => {
    keyValues
      .set('qwen35moe.expert_feed_forward_length', uint32(inner))
      .set('qwen35moe.expert_shared_feed_forward_length', uint32(sharedInner));
  });
};

function declaration(
  { folder, tensorNames }: Checkpoint,
  architecture: string,
  config: TextConfig,
  parameters: ReturnType<typeof decoderParameters>,
  feedForward: FeedForward,
  writeExperts: (keyValues: KeyValues) => void = () => undefined,
): GgufDeclaration {
  const { num_hidden_layers: layers } = config;
  const nextLayers = predictionLayers(tensorNames, config);
  const isLinear = linearLayers(config);
  return {
    architecture,
    canonicalName: (name) => decoderName(name).replace(predictionLayer, 'mtp.'),
    ignored: decoderIgnored,
    tensors: [
      copied('model.embed_tokens.weight', 'token_embd.weight', [config.vocab_size, config.hidden_size]),
      copied('lm_head.weight', 'output.weight', [config.vocab_size, config.hidden_size], { optional: true }),
      norm('model.norm', 'output_norm', config.hidden_size),
      ...Array.from({ length: layers + nextLayers }, (_, layer) => {
        const source = layer < layers ? `model.layers.${layer}` : `mtp.layers.${layer - layers}`;
        const target = `blk.${layer}`;
        return [
          norm(`${source}.input_layernorm`, `${target}.attn_norm`, config.hidden_size),
          norm(`${source}.post_attention_layernorm`, `${target}.post_attention_norm`, config.hidden_size),
          ...(isLinear[layer] === true
            ? linearAttention(config, `${source}.linear_attn`, target)
            : gatedAttention(config, `${source}.self_attn`, target)),
          ...feedForward(source, target),
        ];
      }).flat(),
      ...(nextLayers > 0 ? predictionTensors(config) : []),
    ],
    writeParameters: (keyValues, fileType) => {
      const rope = ropeOf(config);
      writeTextParameters(keyValues, architecture, { ...parameters, blockCount: layers + nextLayers }, fileType);
      const set = (key: string, value: Parameters<typeof keyValues.set>[1]): void => {
        keyValues.set(`${architecture}.${key}`, value);
      };
      writeExperts(keyValues);
      if (nextLayers > 0) set('nextn_predict_layers', uint32(nextLayers));
      set('ssm.conv_kernel', uint32(config.linear_conv_kernel_dim));
      set('ssm.state_size', uint32(config.linear_key_head_dim));
      set('ssm.group_count', uint32(config.linear_num_key_heads));
      set('ssm.time_step_rank', uint32(config.linear_num_value_heads));
      set('ssm.inner_size', uint32(config.linear_value_head_dim * config.linear_num_value_heads));
      if (config.layer_types) {
        set('attention.recurrent_layers', boolArray([...isLinear, ...Array.from({ length: nextLayers }, () => false)]));
      }
      set('full_attention_interval', uint32(config.full_attention_interval));
      const rotaryPart = rope.partial_rotary_factor ?? config.partial_rotary_factor;
      set('rope.dimension_count', uint32(Math.trunc(headDimOf(config) * rotaryPart)));
      if (!rope.mrope_section) set('rope.dimension_sections', int32Array([11, 11, 10, 0]));
    },
    writeTokenizer: (keyValues) => writeBpeTokenizer(folder, keyValues, config.vocab_size),
  };
}

function linearLayers(config: TextConfig): boolean[] {
  const layers = Array.from({ length: config.num_hidden_layers }, (_, layer) => layer);
  const { layer_types: types } = config;
  if (!types) return layers.map((layer) => (layer + 1) % config.full_attention_interval !== 0);
  if (types.length === layers.length) return types.map((type) => type === 'linear_attention');
  const message = `config.json has layer_types for ${types.length} layers, but ${layers.length} layers.`;
  throw new VserveError('checkpoint_invalid', message);
}

/** Qwen 3.5's RMS norms multiply by one plus the weight; llama.cpp's by the weight. */
function norm(source: string, target: string, width: number): TensorRule {
  return copied(`${source}.weight`, `${target}.weight`, [width], { addend: 1 });
}

/** Attention whose queries come with a gate, head by head. */
function gatedAttention(config: TextConfig, source: string, target: string): TensorRule[] {
  const { hidden_size: width, num_attention_heads: heads } = config;
  const [headDim, headsKv] = [headDimOf(config), headsKvOf(config)];
  return [
    copied(`${source}.q_proj.weight`, `${target}.attn_q.weight`, [2 * heads * headDim, width]),
    copied(`${source}.k_proj.weight`, `${target}.attn_k.weight`, [headsKv * headDim, width]),
    copied(`${source}.v_proj.weight`, `${target}.attn_v.weight`, [headsKv * headDim, width]),
    copied(`${source}.o_proj.weight`, `${target}.attn_output.weight`, [width, heads * headDim]),
    norm(`${source}.q_norm`, `${target}.attn_q_norm`, headDim),
    norm(`${source}.k_norm`, `${target}.attn_k_norm`, headDim),
  ];
}

/**
 * The gated delta rule. Its value heads stand in groups, one group to a key head; ggml repeats the key heads as a whole,
 * so the first head of every group has to come first, then the second of every group, and so on.
 */
function linearAttention(config: TextConfig, source: string, target: string): TensorRule[] {
  const { hidden_size: width, linear_num_key_heads: keyHeads, linear_num_value_heads: valueHeads } = config;
  const { linear_key_head_dim: keyDim, linear_value_head_dim: valueDim, linear_conv_kernel_dim: kernel } = config;
  const [keys, values] = [keyHeads * keyDim, valueHeads * valueDim];
  const group = valueHeads / keyHeads;
  /** Value rows of `columns` elements from row `start` on, with the heads in ggml's order. */
  const regrouped = (rowsPerHead: number, columns: number, start = 0): TensorView => {
    const view = permute(viewOf(keyHeads, group, rowsPerHead, columns), 1, 0, 2, 3);
    return { ...view, offset: start * columns };
  };
  const keysThenValues = (rows: number, columns: number): TensorPiece[] => [
    { source: 0, view: slice(viewOf(rows, columns), 0, 0, 2 * keys) },
    { source: 0, view: regrouped(valueDim, columns, 2 * keys) },
  ];
  const rows = 2 * keys + values;
  const perHead = [{ source: 0, view: regrouped(1, 1) }];
  return [
    copied(`${source}.in_proj_qkv.weight`, `${target}.attn_qkv.weight`, [rows, width], {
      pieces: keysThenValues(rows, width),
    }),
    copied(`${source}.in_proj_z.weight`, `${target}.attn_gate.weight`, [values, width], {
      pieces: [{ source: 0, view: regrouped(valueDim, width) }],
    }),
    copied(`${source}.in_proj_a.weight`, `${target}.ssm_alpha.weight`, [valueHeads, width], {
      pieces: [{ source: 0, view: regrouped(1, width) }],
    }),
    copied(`${source}.in_proj_b.weight`, `${target}.ssm_beta.weight`, [valueHeads, width], {
      pieces: [{ source: 0, view: regrouped(1, width) }],
    }),
    copied(`${source}.A_log`, `${target}.ssm_a`, [valueHeads], { pieces: perHead, elements: '-exp' }),
    copied(`${source}.dt_bias`, `${target}.ssm_dt.bias`, [valueHeads], { pieces: perHead }),
    {
      sources: [{ name: `${source}.conv1d.weight`, shape: [rows, 1, kernel] }],
      targets: [{ name: `${target}.ssm_conv1d.weight`, shape: [rows, kernel], pieces: keysThenValues(rows, kernel) }],
    },
    copied(`${source}.norm.weight`, `${target}.ssm_norm.weight`, [valueDim]),
    copied(`${source}.out_proj.weight`, `${target}.ssm_out.weight`, [width, values], {
      pieces: [{ source: 0, view: permute(viewOf(width, keyHeads, group, valueDim), 0, 2, 1, 3) }],
    }),
  ];
}

/** Names of the layers that predict a further token, which follow the others in GGUF. */
export const predictionLayer = /^(?:model\.)?mtp\./;

/**
 * How many of those layers there are, by the tensors. transformers has no module for them, so that a fine-tune saved by
 * it lacks them, whatever config.json says; and not every config.json says that they are there.
 */
function predictionLayers(tensorNames: readonly string[], config: TextConfig): number {
  const numbers = tensorNames.map((name) =>
    Number(/^(?:model\.)?mtp\.layers\.(?<layer>\d+)\./.exec(name)?.groups?.layer ?? -1),
  );
  const found = 1 + numbers.reduce((most, number) => Math.max(most, number), -1);
  return found > 0 ? Math.max(found, config.mtp_num_hidden_layers) : 0;
}

function predictionTensors({ hidden_size: width, num_hidden_layers: layers }: TextConfig): TensorRule[] {
  const target = `blk.${layers}.nextn`;
  return [
    copied('mtp.fc.weight', `${target}.eh_proj.weight`, [width, 2 * width]),
    norm('mtp.pre_fc_norm_embedding', `${target}.enorm`, width),
    norm('mtp.pre_fc_norm_hidden', `${target}.hnorm`, width),
    norm('mtp.norm', `${target}.shared_head_norm`, width),
  ];
}
