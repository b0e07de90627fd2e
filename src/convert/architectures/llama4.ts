import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { size } from '../checkpoint/parse-config.ts';
import { uint32 } from '../gguf/key-values.ts';
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
  packedExperts,
  sharedExperts,
} from './decoder-tensors.ts';
import { llama3RopeFactors } from './llama3-rope.ts';
import { copied } from './tensor-rules.ts';
import { writeTextParameters } from './text-parameters.ts';

/** transformers' Llama4TextConfig. */
const textSchema = decoderSchema({
  vocab_size: 202_048,
  hidden_size: 5120,
  intermediate_size: 8192,
  num_hidden_layers: 48,
  num_attention_heads: 40,
  num_key_value_heads: 8,
  head_dim: 128,
  max_position_embeddings: 131_072,
  rms_norm_eps: 1e-5,
  rope_theta: 500_000,
}).extend({
  /** Of the layers without experts; `intermediate_size` is an expert's. */
  intermediate_size_mlp: size.default(16_384),
  num_local_experts: size.max(65_536).default(16),
  num_experts_per_tok: size.default(1),
  interleave_moe_layer_step: size.default(1),
  moe_layers: z.array(z.int()).nullish(),
  use_qk_norm: z.boolean().default(true),
  /** One number a layer: 0 for those without a rotary embedding. */
  no_rope_layers: z.array(z.int()).nullish(),
  no_rope_layer_interval: size.default(4),
  attention_chunk_size: size.nullable().default(8192),
  layer_types: z.array(z.enum(['chunked_attention', 'full_attention'])).nullish(),
  /** Older configurations say 4 for true. */
  attn_temperature_tuning: z.union([z.boolean(), z.number()]).default(true),
  floor_scale: z.number().default(8192),
  attn_scale: z.number().default(0.1),
});
type TextConfig = z.output<typeof textSchema>;

/** Declares the text model of Llama 4. Throws `checkpoint_invalid`. */
export const declareText: Declare = async ({ folder, config: modelConfig }) => {
  const config = readDecoderConfig(textSchema, modelConfig);
  checkAttention(config);
  checkExperts(config);
  const rope = ropeOf(config);
  const architecture = 'llama4';
  return {
    architecture,
    canonicalName: decoderName,
    ignored: decoderIgnored,
    generated:
      (rope.rope_type ?? rope.type) === 'llama3'
        ? [{ name: 'rope_freqs.weight', values: () => llama3RopeFactors(rope, headDimOf(config)) }]
        : [],
    tensors: [
      ...embeddingTensors(config),
      ...everyLayer(config, (layer, source, target) => layerTensors(config, layer, source, target)),
    ],
    writeParameters: (keyValues, fileType) => {
      const parameters = {
        ...decoderParameters(config),
        feedForwardLength: config.intermediate_size_mlp,
        expertCount: config.num_local_experts,
        expertUsedCount: config.num_experts_per_tok,
        headDim: headDimOf(config),
      };
      writeTextParameters(keyValues, architecture, parameters, fileType);
      keyValues
        .set(`${architecture}.vocab_size`, uint32(config.vocab_size))
        .set(`${architecture}.rope.dimension_count`, uint32(headDimOf(config)))
        .set(`${architecture}.interleave_moe_layer_step`, uint32(config.interleave_moe_layer_step))
        .set(`${architecture}.expert_feed_forward_length`, uint32(config.intermediate_size));
    },
    writeTokenizer: (keyValues) => writeBpeTokenizer(folder, keyValues, config.vocab_size),
  };
};

function layerTensors(config: TextConfig, layer: number, source: string, target: string): TensorRule[] {
  const { hidden_size: width, num_local_experts: experts, intermediate_size: inner } = config;
  const network = `${source}.feed_forward`;
  return [
    ...attentionTensors(config, source, target, { bias: 'optional', norms: false }),
    ...(hasExperts(config, layer)
      ? [
          copied(`${network}.router.weight`, `${target}.ffn_gate_inp.weight`, [experts, width]),
          ...packedExperts(`${network}.experts`, target, { experts, width, inner }, true),
          ...sharedExperts(`${network}.shared_expert`, target, width, inner),
        ]
      : feedForwardTensors(network, `${target}.ffn`, width, config.intermediate_size_mlp)),
  ];
}

function hasExperts({ interleave_moe_layer_step: step }: TextConfig, layer: number): boolean {
  return (layer + 1) % step === 0;
}

/** What llama.cpp hard-codes for Llama 4's attention. */
const chunk = 8192;
const ropePeriod = 4;

/** Throws `checkpoint_invalid` for attention that llama.cpp would compute otherwise, or ends the process at. */
function checkAttention(config: TextConfig): void {
  const layers = Array.from({ length: config.num_hidden_layers }, (_, layer) => layer);
  const hasRope = (layer: number): boolean =>
    config.no_rope_layers?.length
      ? config.no_rope_layers[layer] !== 0
      : (layer + 1) % config.no_rope_layer_interval !== 0;
  const seesChunk = (layer: number): boolean =>
    config.layer_types
      ? config.layer_types[layer] === 'chunked_attention'
      : hasRope(layer) && config.attention_chunk_size !== null;

  check(
    layers.length >= ropePeriod,
    'num_hidden_layers',
    `llama.cpp computes none of fewer than ${String(ropePeriod)}`,
  );
  for (const layer of layers) {
    const isRegular = (layer + 1) % ropePeriod !== 0;
    check(
      hasRope(layer) === isRegular,
      'no_rope_layers',
      `llama.cpp leaves the rotary embedding out in every ${String(ropePeriod)}th layer`,
    );
    check(seesChunk(layer) === isRegular, 'layer_types', 'layers see a chunk where they have a rotary embedding');
  }
  check(config.attention_chunk_size === chunk, 'attention_chunk_size', `llama.cpp knows ${String(chunk)} only`);
  check(Boolean(config.attn_temperature_tuning), 'attn_temperature_tuning', 'llama.cpp always tunes');
  check(config.floor_scale === chunk, 'floor_scale', `llama.cpp knows ${String(chunk)} only`);
  check(config.attn_scale === 0.1, 'attn_scale', 'llama.cpp knows 0.1 only');
}

/** llama.cpp treats a model with this many experts as Maverick, whose queries and keys are not normed. */
const expertsOfMaverick = 128;

function checkExperts(config: TextConfig): void {
  const layers = Array.from({ length: config.num_hidden_layers }, (_, layer) => layer);
  check(
    !config.moe_layers || layers.every((layer) => hasExperts(config, layer) === config.moe_layers?.includes(layer)),
    'moe_layers',
    'llama.cpp goes by interleave_moe_layer_step',
  );
  check(
    config.use_qk_norm === (config.num_local_experts !== expertsOfMaverick),
    'use_qk_norm',
    `llama.cpp norms queries and keys unless there are ${String(expertsOfMaverick)} experts`,
  );
}

function check(holds: boolean, field: string, reason: string): void {
  if (holds) return;
  const message = `config.json: text_config cannot be converted. ${field}: ${reason}`;
  throw new VserveError('checkpoint_invalid', message);
}
