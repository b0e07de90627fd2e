import { VserveError } from '../../errors/index.ts';
import { float32, int32Array, uint32 } from '../gguf/key-values.ts';
import type { GgufValue, KeyValues } from '../gguf/key-values.ts';
import { writeRope } from './rope-scaling.ts';
import type { Rope } from './rope.ts';

/** The parameters that most text models have, under llama.cpp's names. What is undefined is not written. */
export interface TextParameters {
  readonly blockCount: number;
  readonly contextLength: number;
  readonly embeddingLength: number;
  /** One value, or one per layer. */
  readonly feedForwardLength: number | readonly number[] | undefined;
  readonly headCount: number;
  /** One value, or one per layer. */
  readonly headCountKv: number | readonly number[];
  readonly rope: Rope;
  /** Base of the rotary embedding of layers with a sliding window. */
  readonly ropeThetaSliding?: number | undefined;
  readonly rmsNormEps: number | undefined;
  readonly expertCount?: number | undefined;
  readonly expertUsedCount?: number | undefined;
  readonly expertGroupCount?: number | undefined;
  readonly expertGroupUsedCount?: number | undefined;
  readonly expertGating?: ExpertGating | undefined;
  readonly headDim: number | undefined;
}

export type ExpertGating = keyof typeof expertGatings;

/** `gguf.ExpertGatingFuncType`. */
const expertGatings = { softmax: 1, sigmoid: 2 } as const;

/** Writes them under `<architecture>.…`, and `general.file_type`, in the order of convert_hf_to_gguf.py. Throws `checkpoint_invalid` for more experts a token than there are, and for a rotary embedding that llama.cpp cannot scale so. */
export function writeTextParameters(
  keyValues: KeyValues,
  architecture: string,
  parameters: TextParameters,
  fileType: number,
): void {
  const { headCountKv, rope, ropeThetaSliding, expertGating } = parameters;
  const set = (key: string, value: GgufValue | undefined): void => {
    keyValues.set(`${architecture}.${key}`, value);
  };
  const { expertCount = 0, expertUsedCount = 0 } = parameters;
  if (expertUsedCount > expertCount) {
    const message = `config.json cannot be converted. num_experts_per_tok: a token cannot go to ${String(expertUsedCount)} of ${String(expertCount)} experts`;
    throw new VserveError('checkpoint_invalid', message);
  }
  set('block_count', uint32(parameters.blockCount));
  set('context_length', uint32(parameters.contextLength));
  set('embedding_length', uint32(parameters.embeddingLength));
  set('feed_forward_length', perLayer(parameters.feedForwardLength));
  set('attention.head_count', uint32(parameters.headCount));
  set('attention.head_count_kv', perLayer(headCountKv));
  writeRope(set, architecture, rope);
  set('rope.freq_base_swa', known(ropeThetaSliding, float32));
  set('attention.layer_norm_rms_epsilon', known(parameters.rmsNormEps, float32));
  set('expert_count', known(parameters.expertCount, uint32));
  set('expert_used_count', known(parameters.expertUsedCount, uint32));
  set('expert_group_count', known(parameters.expertGroupCount, uint32));
  set('expert_group_used_count', known(parameters.expertGroupUsedCount, uint32));
  set('expert_gating_func', expertGating && uint32(expertGatings[expertGating]));
  set('attention.key_length', known(parameters.headDim, uint32));
  set('attention.value_length', known(parameters.headDim, uint32));
  keyValues.set('general.file_type', uint32(fileType));
}

/** A setting with one value, or one per layer. */
function perLayer(value: number | readonly number[] | undefined): GgufValue | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'number' ? uint32(value) : int32Array(value);
}

function known(value: number | null | undefined, make: (value: number) => GgufValue): GgufValue | undefined {
  return typeof value === 'number' ? make(value) : undefined;
}
