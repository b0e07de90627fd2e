import { z } from 'zod';
import { isJsonObject } from '../checkpoint/checkpoint-folder.ts';
import type { JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { blockCount, parseConfig, size, vocabularySize } from '../checkpoint/parse-config.ts';
import { ropeSchema } from './rope.ts';
import type { Rope } from './rope.ts';
import type { TextParameters } from './text-parameters.ts';

/** The defaults of a transformers decoder class for settings that config.json omits. */
export interface DecoderDefaults {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number | null;
  readonly head_dim: number | null;
  readonly max_position_embeddings: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
}

/** The settings that decoders have in common: a schema, for families to extend. */
export function decoderSchema(defaults: DecoderDefaults) {
  return z.looseObject({
    vocab_size: vocabularySize.default(defaults.vocab_size),
    hidden_size: size.default(defaults.hidden_size),
    intermediate_size: size.default(defaults.intermediate_size),
    num_hidden_layers: blockCount.default(defaults.num_hidden_layers),
    num_attention_heads: size.default(defaults.num_attention_heads),
    /** null: as many as attention heads. */
    num_key_value_heads: size.nullable().default(defaults.num_key_value_heads),
    /** null: the width divided by the number of heads. */
    head_dim: size.nullable().default(defaults.head_dim),
    max_position_embeddings: size.default(defaults.max_position_embeddings),
    rms_norm_eps: z.number().default(defaults.rms_norm_eps),
    rope_theta: z.number().positive().default(defaults.rope_theta),
    /** How the rotary embedding is scaled, until transformers 4. */
    rope_scaling: ropeSchema.nullish(),
    /** The whole rotary embedding, since transformers 5. */
    rope_parameters: ropeSchema.nullish(),
  });
}

export type DecoderConfig = z.output<ReturnType<typeof decoderSchema>>;

/** Where configurations keep the text model's settings, besides the top level. */
const textKeys = ['text_config', 'llm_config', 'language_config'] as const;

/**
 * Reads the settings of the text model: those in `text_config` go before those at the top level, where older
 * configurations keep them.
 *
 * Throws `checkpoint_invalid`.
 */
export function readDecoderConfig<Schema extends z.ZodType>(schema: Schema, config: JsonObject): z.output<Schema> {
  const key = textKeys.find((key) => isJsonObject(config[key]));
  if (key === undefined) return parseConfig(schema, config, 'config.json');
  return parseConfig(schema, { ...config, ...(config[key] as JsonObject) }, `config.json: ${key}`);
}

/** The rotary embedding, its base included. */
export function ropeOf({ rope_parameters: parameters, rope_scaling: scaling, rope_theta }: DecoderConfig): Rope {
  return { rope_theta, ...(parameters ?? scaling) };
}

/** Elements of a head. */
export function headDimOf(config: DecoderConfig): number {
  return config.head_dim ?? Math.floor(config.hidden_size / config.num_attention_heads);
}

export function headsKvOf(config: DecoderConfig): number {
  return config.num_key_value_heads ?? config.num_attention_heads;
}

/** The parameters given by a decoder's configuration. `headDim` stays undefined where the configuration omits it. */
export function decoderParameters(config: DecoderConfig): TextParameters {
  return {
    blockCount: config.num_hidden_layers,
    contextLength: config.max_position_embeddings,
    embeddingLength: config.hidden_size,
    feedForwardLength: config.intermediate_size,
    headCount: config.num_attention_heads,
    headCountKv: headsKvOf(config),
    rope: ropeOf(config),
    rmsNormEps: config.rms_norm_eps,
    headDim: config.head_dim ?? undefined,
  };
}
