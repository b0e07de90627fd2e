import { z } from 'zod';
import { parseConfig, size } from '../checkpoint/parse-config.ts';
import { float32, uint32 } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { writeLlamaTokenizer } from '../tokenizers/llama-tokenizer.ts';
import type { Checkpoint, Declare, GeneratedTensor, GgufDeclaration, TensorRule } from './architecture.ts';
import { decoderParameters, decoderSchema, headDimOf, readDecoderConfig, ropeOf } from './decoder-config.ts';
import type { DecoderConfig, DecoderDefaults } from './decoder-config.ts';
import {
  attentionTensors,
  decoderIgnored,
  decoderName,
  embeddingTensors,
  everyLayer,
  feedForwardTensors,
  pairedRows,
  stackedExperts,
} from './decoder-tensors.ts';
import { llama3RopeFactors } from './llama3-rope.ts';
import { copied } from './tensor-rules.ts';
import { writeTextParameters } from './text-parameters.ts';

/** transformers' LlamaConfig. */
export const llamaDefaults: DecoderDefaults = {
  vocab_size: 32_000,
  hidden_size: 4096,
  intermediate_size: 11_008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: null,
  head_dim: null,
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-6,
  rope_theta: 10_000,
};

/** transformers' MistralConfig; Ministral3Config has the same. */
const mistralDefaults: DecoderDefaults = {
  ...llamaDefaults,
  intermediate_size: 14_336,
  num_key_value_heads: 8,
  max_position_embeddings: 131_072,
};

/** transformers' MixtralConfig. */
const mixtralSchema = decoderSchema({ ...mistralDefaults, rms_norm_eps: 1e-5, rope_theta: 1_000_000 }).extend({
  num_local_experts: size.max(65_536).default(8),
  num_experts_per_tok: size.default(2),
});

const kindSchema = z.looseObject({ model_type: z.string().default('llama') });

function readConfig(config: Parameters<typeof readDecoderConfig>[1]): { kind: string; config: DecoderConfig } {
  const { model_type: kind } = readDecoderConfig(kindSchema, config);
  const isLlama = kind === 'llama';
  const decoder = readDecoderConfig(decoderSchema(isLlama ? llamaDefaults : mistralDefaults), config);
  // LlamaConfig works the size of a head out, so the reference always writes it; MistralConfig leaves it open.
  return { kind, config: isLlama ? { ...decoder, head_dim: headDimOf(decoder) } : decoder };
}

/** Declares Llama, Mistral and the text models of Idefics 3, SmolVLM and Pixtral. Throws `checkpoint_invalid`. */
export const declareLlama: Declare = async (checkpoint) => declareText(checkpoint, 'llama');

/** Declares Mixtral, Mistral's mixture of experts. Throws `checkpoint_invalid`. */
export const declareMixtral: Declare = async (checkpoint) => {
  const config = readDecoderConfig(mixtralSchema, checkpoint.config);
  const {
    num_local_experts: experts,
    num_experts_per_tok: used,
    hidden_size: width,
    intermediate_size: inner,
  } = config;
  const names = { gate: 'w1', down: 'w2', up: 'w3' };
  return declareDecoder(checkpoint, 'llama', { config, experts: { experts, used } }, (source, target) => [
    copied(`${source}.block_sparse_moe.gate.weight`, `${target}.ffn_gate_inp.weight`, [experts, width]),
    stackedExperts(`${source}.block_sparse_moe.experts`, target, { experts, width, inner }, names, [
      'gate',
      'down',
      'up',
    ]),
  ]);
};

/** Declares Mistral 3 and Ministral 3. Throws `checkpoint_invalid`. */
export const declareMistral3: Declare = async (checkpoint) => declareText(checkpoint, 'mistral3');

const ministralSchema = z.looseObject({
  rope_type: z.literal('yarn').optional(),
  type: z.literal('yarn').optional(),
  mscale_all_dim: z.number(),
  llama_4_scaling_beta: z.number(),
});

function declareText(checkpoint: Checkpoint, architecture: 'llama' | 'mistral3'): GgufDeclaration {
  const { kind, config } = readConfig(checkpoint.config);
  const { hidden_size: width, intermediate_size: inner } = config;
  const writeFurther = kind === 'ministral3' ? ministralWriter(architecture, config) : undefined;
  return declareDecoder(checkpoint, architecture, { config, writeFurther }, (source, target) =>
    feedForwardTensors(`${source}.mlp`, `${target}.ffn`, width, inner),
  );
}

/** Writes how Ministral 3 stretches its rotary embedding and cools its attention. */
function ministralWriter(architecture: string, config: DecoderConfig): (keyValues: KeyValues) => void {
  return (keyValues) => {
    const rope = parseConfig(ministralSchema, ropeOf(config), 'config.json: rope_parameters');
    keyValues
      .set(`${architecture}.rope.scaling.yarn_log_multiplier`, float32(rope.mscale_all_dim))
      .set(`${architecture}.attention.temperature_scale`, float32(rope.llama_4_scaling_beta));
  };
}

type Architecture = 'llama' | 'mistral3' | 'granite';

interface Decoder {
  readonly config: DecoderConfig;
  readonly experts?: { readonly experts: number; readonly used: number };
  /** Writes the parameters that only this architecture has. */
  readonly writeFurther?: ((keyValues: KeyValues) => void) | undefined;
}

/** Declares a decoder of Llama's kind with the given feed-forward networks. */
export function declareDecoder(
  { folder }: Checkpoint,
  architecture: Architecture,
  { config, experts, writeFurther }: Decoder,
  feedForward: (source: string, target: string) => TensorRule[],
): GgufDeclaration {
  const headDim = headDimOf(config);
  return {
    architecture,
    canonicalName: (name) => decoderName(name).replace('text_model.', ''),
    ignored: decoderIgnored,
    generated: generatedTensors(config),
    tensors: [
      ...embeddingTensors(config),
      ...everyLayer(config, (_, source, target) => [
        ...attentionTensors(config, source, target, { bias: 'optional', norms: false, rotary: pairedRows }),
        ...feedForward(source, target),
      ]),
    ],
    writeParameters: (keyValues, fileType) => {
      const moe = experts && { expertCount: experts.experts, expertUsedCount: experts.used };
      writeTextParameters(keyValues, architecture, { ...decoderParameters(config), ...moe }, fileType);
      keyValues
        .set(`${architecture}.vocab_size`, uint32(config.vocab_size))
        .set(`${architecture}.rope.dimension_count`, uint32(headDim));
      writeFurther?.(keyValues);
    },
    writeTokenizer: (keyValues) => writeLlamaTokenizer(folder, keyValues, architecture, config.vocab_size),
  };
}

function generatedTensors(config: DecoderConfig): GeneratedTensor[] {
  const rope = ropeOf(config);
  if ((rope.rope_type ?? rope.type) !== 'llama3') return [];
  return [{ name: 'rope_freqs.weight', values: () => llama3RopeFactors(rope, headDimOf(config)) }];
}
