import { z } from 'zod';
import { parseConfig, size } from '../checkpoint/parse-config.ts';
import type { JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { uint32 } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { writeBpeTokenizer } from '../tokenizers/bpe-tokenizer.ts';
import type { Checkpoint, Declare, GgufDeclaration, TensorRule } from './architecture.ts';
import { decoderParameters, decoderSchema, headDimOf, readDecoderConfig } from './decoder-config.ts';
import {
  attentionTensors,
  decoderIgnored,
  decoderName,
  embeddingTensors,
  everyLayer,
  feedForwardTensors,
  packedExperts,
  stackedExperts,
} from './decoder-tensors.ts';
import { copied } from './tensor-rules.ts';
import { writeTextParameters } from './text-parameters.ts';
import type { TextParameters } from './text-parameters.ts';

/** transformers' Qwen2Config; the Qwen2-VL configurations state everything but the base of the rotary embedding. */
const qwen2Schema = decoderSchema({
  vocab_size: 151_936,
  hidden_size: 4096,
  intermediate_size: 22_016,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  head_dim: null,
  max_position_embeddings: 32_768,
  rms_norm_eps: 1e-6,
  rope_theta: 10_000,
});

/** transformers' Qwen2VLTextConfig. */
const qwen2VlSchema = decoderSchema({
  vocab_size: 152_064,
  hidden_size: 8192,
  intermediate_size: 29_568,
  num_hidden_layers: 80,
  num_attention_heads: 64,
  num_key_value_heads: 8,
  head_dim: null,
  max_position_embeddings: 32_768,
  rms_norm_eps: 1e-5,
  rope_theta: 1_000_000,
});

const qwen3Defaults = {
  vocab_size: 151_936,
  hidden_size: 4096,
  intermediate_size: 22_016,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  head_dim: 128,
  max_position_embeddings: 32_768,
  rms_norm_eps: 1e-6,
  rope_theta: 10_000,
};

/** transformers' Qwen3Config and Qwen3VLTextConfig. */
const qwen3Schema = decoderSchema(qwen3Defaults);
const qwen3VlSchema = decoderSchema({ ...qwen3Defaults, max_position_embeddings: 128_000, rope_theta: 5_000_000 });

const qwen3MoeDefaults = {
  ...qwen3Defaults,
  hidden_size: 2048,
  intermediate_size: 6144,
  num_hidden_layers: 24,
  num_key_value_heads: 4,
  head_dim: null,
};

const noDenseLayers = 'llama.cpp has no such model with layers that lack experts';

const expertSettings = {
  num_experts_per_tok: size,
  num_experts: size.max(65_536),
  /** What transformers 5 calls `num_experts`. */
  num_local_experts: size.max(65_536).optional(),
  moe_intermediate_size: size,
  mlp_only_layers: z.array(z.int()).max(0, { error: noDenseLayers }).nullish(),
  decoder_sparse_step: z.literal(1, { error: noDenseLayers }).default(1),
};

/** transformers' Qwen3MoeConfig. */
const qwen3MoeSchema = decoderSchema(qwen3MoeDefaults).extend({
  ...expertSettings,
  num_experts_per_tok: size.default(8),
  num_experts: size.max(65_536).default(128),
  moe_intermediate_size: size.default(768),
});

/** transformers' Qwen3VLMoeTextConfig. */
const qwen3VlMoeSchema = decoderSchema({
  ...qwen3MoeDefaults,
  intermediate_size: 5632,
  num_attention_heads: 16,
  num_key_value_heads: 16,
  max_position_embeddings: 128_000,
  rope_theta: 5_000_000,
}).extend({
  ...expertSettings,
  num_experts_per_tok: size.default(4),
  num_experts: size.max(65_536).default(60),
  moe_intermediate_size: size.default(1408),
});

type MoeConfig = z.output<typeof qwen3MoeSchema>;

function declaration(
  { folder }: Checkpoint,
  architecture: string,
  {
    parameters,
    vocabularySize,
    tensors,
  }: { parameters: TextParameters; vocabularySize: number; tensors: TensorRule[] },
  writeFurther: (keyValues: KeyValues) => void = () => undefined,
): GgufDeclaration {
  return {
    architecture,
    tensors,
    canonicalName: decoderName,
    ignored: decoderIgnored,
    writeParameters: (keyValues, fileType) => {
      writeTextParameters(keyValues, architecture, parameters, fileType);
      writeFurther(keyValues);
    },
    writeTokenizer: (keyValues) => writeBpeTokenizer(folder, keyValues, vocabularySize),
  };
}

function dense(
  checkpoint: Checkpoint,
  architecture: string,
  schema: typeof qwen2Schema,
  traits: Parameters<typeof attentionTensors>[3],
  writeFurther?: (keyValues: KeyValues) => void,
): GgufDeclaration {
  const config = readDecoderConfig(schema, checkpoint.config);
  const tensors = [
    ...embeddingTensors(config),
    ...everyLayer(config, (_, source, target) => [
      ...attentionTensors(config, source, target, traits),
      ...feedForwardTensors(`${source}.mlp`, `${target}.ffn`, config.hidden_size, config.intermediate_size),
    ]),
  ];
  const parameters = decoderParameters(config);
  return declaration(
    checkpoint,
    architecture,
    { parameters, vocabularySize: config.vocab_size, tensors },
    writeFurther,
  );
}

const qwen2Attention = { bias: 'required', norms: false } as const;
const qwen3Attention = { bias: 'optional', norms: true } as const;

/** Declares Qwen 2 and 2.5. Throws `checkpoint_invalid`. */
export const declareQwen2: Declare = async (checkpoint) => dense(checkpoint, 'qwen2', qwen2Schema, qwen2Attention);

/** Declares the text model of Qwen2-VL and Qwen2.5-VL. Throws `checkpoint_invalid`. */
export const declareQwen2Vl: Declare = async (checkpoint) =>
  dense(checkpoint, 'qwen2vl', qwen2VlSchema, qwen2Attention);

/** Declares Qwen 3. Throws `checkpoint_invalid`. */
export const declareQwen3: Declare = async (checkpoint) => dense(checkpoint, 'qwen3', qwen3Schema, qwen3Attention);

/** Declares the text model of Qwen3-VL. Throws `checkpoint_invalid`. */
export const declareQwen3Vl: Declare = async (checkpoint) =>
  dense(checkpoint, 'qwen3vl', qwen3VlSchema, qwen3Attention, writeDeepstack('qwen3vl', checkpoint.config));

/** Declares the mixtures of experts of Qwen 3. Throws `checkpoint_invalid`. */
export const declareQwen3Moe: Declare = async (checkpoint) => {
  const config = readDecoderConfig(qwen3MoeSchema, checkpoint.config);
  return mixture(checkpoint, 'qwen3moe', config, { ...decoderParameters(config) }, false);
};

/** Declares the text model of the mixtures of experts of Qwen3-VL. Throws `checkpoint_invalid`. */
export const declareQwen3VlMoe: Declare = async (checkpoint) => {
  const config = readDecoderConfig(qwen3VlMoeSchema, checkpoint.config);
  const parameters = { ...decoderParameters(config), headDim: headDimOf(config) };
  return mixture(checkpoint, 'qwen3vlmoe', config, parameters, true, writeDeepstack('qwen3vlmoe', checkpoint.config));
};

function mixture(
  checkpoint: Checkpoint,
  architecture: string,
  config: MoeConfig,
  parameters: TextParameters,
  transposed: boolean,
  writeFurther: (keyValues: KeyValues) => void = () => undefined,
): GgufDeclaration {
  const { hidden_size: width, moe_intermediate_size: inner } = config;
  const experts = config.num_local_experts ?? config.num_experts;
  const isPacked = checkpoint.tensorNames.some((name) => name.endsWith('.mlp.experts.gate_up_proj'));
  const expertTensors = (source: string, target: string): TensorRule[] => [
    copied(`${source}.mlp.gate.weight`, `${target}.ffn_gate_inp.weight`, [experts, width]),
    ...(isPacked
      ? packedExperts(`${source}.mlp.experts`, target, { experts, width, inner }, transposed)
      : [stackedExperts(`${source}.mlp.experts`, target, { experts, width, inner })]),
  ];
  const tensors = [
    ...embeddingTensors(config),
    ...everyLayer(config, (_, source, target) => [
      ...attentionTensors(config, source, target, qwen3Attention),
      ...expertTensors(source, target),
    ]),
  ];
  return declaration(
    checkpoint,
    architecture,
    {
      parameters: { ...parameters, expertCount: experts, expertUsedCount: config.num_experts_per_tok },
      vocabularySize: config.vocab_size,
      tensors,
    },
    (keyValues) => {
      keyValues.set(`${architecture}.expert_feed_forward_length`, uint32(inner));
      writeFurther(keyValues);
    },
  );
}

const deepstackSchema = z.looseObject({
  vision_config: z.looseObject({ deepstack_visual_indexes: z.array(z.int()).default([8, 16, 24]) }),
});

/** How many of the first layers receive intermediate features of the vision encoder. */
function writeDeepstack(architecture: string, config: JsonObject): (keyValues: KeyValues) => void {
  const { vision_config: vision } = parseConfig(deepstackSchema, config, 'config.json');
  const { length } = vision.deepstack_visual_indexes;
  return (keyValues) => keyValues.set(`${architecture}.n_deepstack_layers`, uint32(length));
}
