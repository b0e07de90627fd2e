import { z } from 'zod';
import { size } from '../checkpoint/parse-config.ts';
import { bool, float32, uint32 } from '../gguf/key-values.ts';
import type { GgufValue } from '../gguf/key-values.ts';
import { writeBpeTokenizer } from '../tokenizers/bpe-tokenizer.ts';
import type { Declare, TensorRule } from './architecture.ts';
import { decoderParameters, decoderSchema, headDimOf, readDecoderConfig, ropeOf } from './decoder-config.ts';
import {
  attentionTensors,
  decoderIgnored,
  decoderName,
  embeddingTensors,
  everyLayer,
  feedForwardTensors,
  sharedExperts,
  stackedExperts,
} from './decoder-tensors.ts';
import { copied } from './tensor-rules.ts';
import { writeTextParameters } from './text-parameters.ts';

/** transformers' Glm4MoeConfig and Glm4vMoeTextConfig. */
const moeSchema = decoderSchema({
  vocab_size: 151_552,
  hidden_size: 4096,
  intermediate_size: 10_944,
  num_hidden_layers: 46,
  num_attention_heads: 96,
  num_key_value_heads: 8,
  head_dim: null,
  max_position_embeddings: 131_072,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
}).extend({
  partial_rotary_factor: z.number().positive().default(0.5),
  use_qk_norm: z.boolean().default(false),
  moe_intermediate_size: size.default(1408),
  n_routed_experts: size.max(65_536).default(128),
  n_shared_experts: size.default(1),
  num_experts_per_tok: size.default(8),
  first_k_dense_replace: z.int().min(0).default(1),
  n_group: size.default(1),
  topk_group: size.default(1),
  routed_scaling_factor: z.number().default(1),
  norm_topk_prob: z.boolean().default(true),
  /** Additional layers that predict a further token. */
  num_nextn_predict_layers: z.int().min(0).max(64).nullish(),
});
type MoeConfig = z.output<typeof moeSchema>;

/** Declares the mixtures of experts of GLM 4.5 and the text model of GLM-4.5V. Throws `checkpoint_invalid`. */
export const declareMoeText: Declare = async ({ folder, config: modelConfig, tensorNames }) => {
  const config = readDecoderConfig(moeSchema, modelConfig);
  const rope = ropeOf(config);
  const guessingLayer = new RegExp(`^model\\.layers\\.${config.num_hidden_layers}\\.`);
  // transformers drops these layers: a fine-tune that it saved lacks them, whatever config.json says.
  const hasGuessing = tensorNames.some((name) => guessingLayer.test(canonicalName(name)));
  const configured = config.num_nextn_predict_layers ?? undefined;
  const guessing = hasGuessing || configured === 0 ? configured : undefined;
  const layers = config.num_hidden_layers + (guessing ?? 0);
  return {
    architecture: 'glm4moe',
    canonicalName,
    ignored: guessing === undefined || guessing === 0 ? [...decoderIgnored, guessingLayer] : decoderIgnored,
    tensors: [
      ...embeddingTensors(config),
      ...everyLayer({ num_hidden_layers: layers }, (layer, source, target) => [
        ...layerTensors(config, layer, source, target),
        ...(layer < config.num_hidden_layers ? [] : guessingTensors(config, source, `${target}.nextn`)),
      ]),
    ],
    writeParameters: (keyValues, fileType) => {
      const parameters = {
        ...decoderParameters(config),
        blockCount: layers,
        expertCount: config.n_routed_experts,
        expertUsedCount: config.num_experts_per_tok,
        expertGroupCount: config.n_group,
        expertGroupUsedCount: config.topk_group,
      };
      writeTextParameters(keyValues, 'glm4moe', parameters, fileType);
      const set = (key: string, value: GgufValue | undefined): void => {
        keyValues.set(`glm4moe.${key}`, value);
      };
      const rotary = headDimOf(config) * (rope.partial_rotary_factor ?? config.partial_rotary_factor);
      set('rope.dimension_count', uint32(Math.trunc(rotary)));
      set('expert_feed_forward_length', uint32(config.moe_intermediate_size));
      set('expert_shared_count', uint32(config.n_shared_experts));
      set('leading_dense_block_count', uint32(config.first_k_dense_replace));
      set('expert_gating_func', uint32(sigmoid));
      set('expert_weights_scale', float32(config.routed_scaling_factor));
      set('expert_weights_norm', bool(config.norm_topk_prob));
      set('nextn_predict_layers', guessing === undefined ? undefined : uint32(guessing));
    },
    writeTokenizer: (keyValues) =>
      writeBpeTokenizer(folder, keyValues, config.vocab_size, {
        substitutes: { bos: '[gMASK]', eot: '<|user|>', unk: '<|endoftext|>', eom: '<|observation|>' },
      }),
  };
};

function canonicalName(name: string): string {
  return decoderName(name).replace('e_score_correction_bias', 'e_score_correction.bias');
}

/** `gguf.ExpertGatingFuncType` */
const sigmoid = 2;

function layerTensors(config: MoeConfig, layer: number, source: string, target: string): TensorRule[] {
  const { hidden_size: width, n_routed_experts: experts, moe_intermediate_size: inner } = config;
  const attention = { bias: 'optional', norms: config.use_qk_norm, secondNorm: 'post_attention_norm' } as const;
  return [
    ...attentionTensors(config, source, target, attention),
    ...(layer < config.first_k_dense_replace
      ? feedForwardTensors(`${source}.mlp`, `${target}.ffn`, width, config.intermediate_size)
      : [
          copied(`${source}.mlp.gate.weight`, `${target}.ffn_gate_inp.weight`, [experts, width]),
          copied(`${source}.mlp.gate.e_score_correction.bias`, `${target}.exp_probs_b.bias`, [experts]),
          stackedExperts(`${source}.mlp.experts`, target, { experts, width, inner }),
          ...sharedExperts(`${source}.mlp.shared_experts`, target, width, inner * config.n_shared_experts),
        ]),
  ];
}

function guessingTensors(config: MoeConfig, source: string, target: string): TensorRule[] {
  const { hidden_size: width, vocab_size: vocabulary } = config;
  const table = (from: string, to: string): TensorRule =>
    copied(`${source}.${from}.weight`, `${target}.${to}.weight`, [vocabulary, width], { optional: true });
  const norm = (from: string, to: string): TensorRule =>
    copied(`${source}.${from}.weight`, `${target}.${to}.weight`, [width]);
  return [
    copied(`${source}.eh_proj.weight`, `${target}.eh_proj.weight`, [width, 2 * width]),
    norm('enorm', 'enorm'),
    norm('hnorm', 'hnorm'),
    norm('shared_head.norm', 'shared_head_norm'),
    table('embed_tokens', 'embed_tokens'),
    table('shared_head.head', 'shared_head_head'),
  ];
}
