import { z } from 'zod';
import { float32, string, uint32 } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';

/** One kind of rotary embedding in a config.json: its base and how it is scaled to longer contexts. */
export const ropeSchema = z.looseObject({
  rope_theta: z.number().positive().optional(),
  rope_type: z.enum(['default', 'linear']).optional(),
  /** The older name of `rope_type`. */
  type: z.enum(['default', 'linear']).optional(),
  factor: z.number().positive().nullish(),
});

export type Rope = z.output<typeof ropeSchema>;

/** The parameters that most text models have, under llama.cpp's names. What is undefined is not written. */
export interface TextParameters {
  readonly blockCount: number;
  readonly contextLength: number;
  readonly embeddingLength: number;
  readonly feedForwardLength: number;
  readonly headCount: number;
  readonly headCountKv: number;
  readonly rope: Rope;
  /** Base of the rotary embedding of layers with a sliding window. */
  readonly ropeThetaSliding: number | undefined;
  readonly rmsNormEps: number;
  readonly headDim: number;
}

/** Writes them under `<architecture>.…`, and `general.file_type`, in the order of convert_hf_to_gguf.py. */
export function writeTextParameters(
  keyValues: KeyValues,
  architecture: string,
  parameters: TextParameters,
  fileType: number,
): void {
  const { rope, ropeThetaSliding } = parameters;
  const set = (key: string, value: Parameters<KeyValues['set']>[1]): void => {
    keyValues.set(`${architecture}.${key}`, value);
  };
  set('block_count', uint32(parameters.blockCount));
  set('context_length', uint32(parameters.contextLength));
  set('embedding_length', uint32(parameters.embeddingLength));
  set('feed_forward_length', uint32(parameters.feedForwardLength));
  set('attention.head_count', uint32(parameters.headCount));
  set('attention.head_count_kv', uint32(parameters.headCountKv));
  if ((rope.rope_type ?? rope.type) === 'linear' && typeof rope.factor === 'number') {
    set('rope.scaling.type', string('linear'));
    set('rope.scaling.factor', float32(rope.factor));
  }
  set('rope.freq_base', rope.rope_theta === undefined ? undefined : float32(rope.rope_theta));
  set('rope.freq_base_swa', ropeThetaSliding === undefined ? undefined : float32(ropeThetaSliding));
  set('attention.layer_norm_rms_epsilon', float32(parameters.rmsNormEps));
  set('attention.key_length', uint32(parameters.headDim));
  set('attention.value_length', uint32(parameters.headDim));
  keyValues.set('general.file_type', uint32(fileType));
}
