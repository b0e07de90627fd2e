import type { Dtype } from '../../src/convert/safetensors/dtypes.ts';
import { randomElements } from './random.ts';
import { byteFallbackFiles, byteFallbackSize, tekkenFiles, tekkenSize } from './small-tokenizers.ts';
import type { SyntheticCheckpoint } from './write-checkpoint.ts';

const sizes = { width: 64, inner: 72, layers: 2, heads: 4, headsKv: 2, headDim: 16 };

/** The matrices of a layer of Llama. */
const matrices: Readonly<Record<string, readonly [number, number]>> = {
  'mlp.down_proj': [sizes.width, sizes.inner],
  'mlp.gate_proj': [sizes.inner, sizes.width],
  'mlp.up_proj': [sizes.inner, sizes.width],
  'self_attn.k_proj': [sizes.headsKv * sizes.headDim, sizes.width],
  'self_attn.o_proj': [sizes.width, sizes.heads * sizes.headDim],
  'self_attn.q_proj': [sizes.heads * sizes.headDim, sizes.width],
  'self_attn.v_proj': [sizes.headsKv * sizes.headDim, sizes.width],
};

/** A tensor that stands beside a matrix: what follows the matrix' name, and its dtype and shape. */
type Companion = readonly [suffix: string, dtype: Dtype, shape: (rows: number, columns: number) => number[]];

interface Settings {
  readonly seed: number;
  readonly architecture: 'LlamaForCausalLM' | 'MistralForCausalLM';
  /** Of the matrices within layers; everything else is BF16. */
  readonly dtype: Dtype;
  readonly companions: readonly Companion[];
  readonly quantization: object | undefined;
  readonly vocabulary: number;
  readonly files: SyntheticCheckpoint['files'];
  readonly shards: number;
}

function quantizedLlama(settings: Settings): SyntheticCheckpoint {
  const { seed, architecture, dtype, companions, quantization, vocabulary, files, shards } = settings;
  const shapes = new Map<string, readonly number[]>([
    ['lm_head.weight', [vocabulary, sizes.width]],
    ['model.embed_tokens.weight', [vocabulary, sizes.width]],
    ['model.norm.weight', [sizes.width]],
  ]);
  const dtypes = new Map<string, Dtype>();
  for (let layer = 0; layer < sizes.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    shapes.set(`${prefix}.input_layernorm.weight`, [sizes.width]);
    shapes.set(`${prefix}.post_attention_layernorm.weight`, [sizes.width]);
    for (const [name, [rows, columns]] of Object.entries(matrices)) {
      shapes.set(`${prefix}.${name}.weight`, [rows, columns]);
      dtypes.set(`${prefix}.${name}.weight`, dtype);
      for (const [suffix, scaleDtype, shape] of companions) {
        shapes.set(`${prefix}.${name}.${suffix}`, shape(rows, columns));
        dtypes.set(`${prefix}.${name}.${suffix}`, scaleDtype);
      }
    }
  }
  const isLlama = architecture === 'LlamaForCausalLM';
  return {
    seed,
    dtype: 'BF16',
    dtypes,
    shards,
    shapes,
    elementsOf: quantizedElements(dtypes),
    files: {
      'config.json': {
        architectures: [architecture],
        model_type: isLlama ? 'llama' : 'mistral',
        hidden_size: sizes.width,
        intermediate_size: sizes.inner,
        num_hidden_layers: sizes.layers,
        num_attention_heads: sizes.heads,
        num_key_value_heads: sizes.headsKv,
        head_dim: sizes.headDim,
        max_position_embeddings: 4096,
        rms_norm_eps: 1e-5,
        rope_theta: 10_000,
        vocab_size: vocabulary,
        bos_token_id: 1,
        eos_token_id: 2,
        torch_dtype: 'bfloat16',
        ...(quantization && { quantization_config: quantization }),
      },
      ...files,
    },
  };
}

/** Tame numbers for scales, every byte for tensors of eight bits, the usual for all others. */
function quantizedElements(dtypes: ReadonlyMap<string, Dtype>): NonNullable<SyntheticCheckpoint['elementsOf']> {
  return (name, shape, next) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const dtype = dtypes.get(name) ?? 'BF16';
    if (dtype === 'F32' || (dtype === 'BF16' && name.includes('scale'))) return scaleElements(dtype, count, next);
    return dtype === 'BF16' ? randomElements(dtype, count, next) : smallElements(dtype, count, next);
  };
}

/** A checkpoint of BF16 with the matrices of its text model in FP8, stacked ones too, and a scale for each block. */
export function inFp8Blocks(
  checkpoint: SyntheticCheckpoint,
  [rows, columns]: readonly [number, number],
): SyntheticCheckpoint {
  const shapes = new Map(checkpoint.shapes);
  const dtypes = new Map<string, Dtype>();
  for (const [name, shape] of checkpoint.shapes) {
    if (!/language_model\..*layers\..*_proj(?:\.weight)?$/.test(name)) continue;
    const [height = 1, width = 1] = shape.slice(-2);
    shapes.set(`${name}_scale_inv`, [...shape.slice(0, -2), Math.ceil(height / rows), Math.ceil(width / columns)]);
    dtypes.set(name, 'F8_E4M3').set(`${name}_scale_inv`, 'F32');
  }
  const quantization = { quant_method: 'fp8', activation_scheme: 'dynamic', weight_block_size: [rows, columns] };
  const config = { ...(checkpoint.files['config.json'] as object), quantization_config: quantization };
  const files = { ...checkpoint.files, 'config.json': config };
  return { ...checkpoint, shapes, dtypes, files, elementsOf: quantizedElements(dtypes) };
}

/** Positive numbers from 2^-9 to 2^-5. */
function scaleElements(dtype: 'F32' | 'BF16', count: number, next: () => number): Uint8Array {
  const bits = Uint32Array.from({ length: count }, () => ((118 + (next() % 4)) << 23) | (next() & 0x7f_ff_ff));
  return new Uint8Array(dtype === 'F32' ? bits.buffer : Uint16Array.from(bits, (word) => word >>> 16).buffer);
}

/** All bytes, but those of no number. */
function smallElements(dtype: Dtype, count: number, next: () => number): Uint8Array {
  const isNumber = (byte: number): boolean =>
    dtype === 'F8_E4M3' ? (byte & 0x7f) !== 0x7f : dtype !== 'F8_E5M2' || (byte & 0x7c) !== 0x7c;
  return Uint8Array.from({ length: count }, () => {
    const byte = next() & 0xff;
    return isNumber(byte) ? byte : byte & 0x80;
  });
}

const blocks = (rows: number, columns: number): number[] => [Math.ceil(rows / 48), Math.ceil(columns / 40)];
const byteFallback = { vocabulary: byteFallbackSize, files: byteFallbackFiles };
/** The reference gives all tokens of such a vocabulary the same. */
const ownKeys = ['tokenizer.ggml.scores'];
/** Every output type, and the one that follows from the weights. */
export const outtypes = ['auto', 'f32', 'f16', 'bf16', 'q8_0'];

/** A checkpoint, the output types in which the reference converts it, and the keys that are not the reference's. */
interface QuantizedReference {
  readonly checkpoint: SyntheticCheckpoint;
  readonly outtypes: readonly string[];
  readonly ownKeys?: readonly string[];
}

/** Checkpoints of eight bits with scales of every kind that the reference reads, under tokenizers of rarer forms. */
export const quantizedCheckpoints: Readonly<Record<string, QuantizedReference>> = {
  // Blocks that do not divide the matrices, which are turned for the rotary embedding too.
  'llama-fp8-blocks-tiny': {
    outtypes,
    ownKeys,
    checkpoint: quantizedLlama({
      seed: 81,
      architecture: 'LlamaForCausalLM',
      dtype: 'F8_E4M3',
      companions: [['weight_scale_inv', 'F32', blocks]],
      quantization: { activation_scheme: 'dynamic', quant_method: 'fp8', fmt: 'e4m3', weight_block_size: [48, 40] },
      shards: 2,
      ...byteFallback,
    }),
  },
  'mistral-fp8-tekken-tiny': {
    outtypes,
    // The reference names a format of llama.cpp's there, which is no template.
    ownKeys: ['tokenizer.chat_template'],
    checkpoint: quantizedLlama({
      seed: 82,
      architecture: 'MistralForCausalLM',
      dtype: 'F8_E4M3',
      companions: [
        ['weight_scale_inv', 'BF16', () => []],
        ['activation_scale', 'BF16', () => []],
      ],
      quantization: { activation_scheme: 'static', quant_method: 'fp8', weight_block_size: null },
      shards: 1,
      vocabulary: tekkenSize,
      files: tekkenFiles,
    }),
  },
  'llama-int8-channels-tiny': {
    outtypes,
    ownKeys,
    checkpoint: quantizedLlama({
      seed: 83,
      architecture: 'LlamaForCausalLM',
      dtype: 'I8',
      companions: [['weight_scale', 'BF16', (rows) => [rows, 1]]],
      quantization: {
        quant_method: 'compressed-tensors',
        format: 'int-quantized',
        quantization_status: 'compressed',
        config_groups: {
          group_0: {
            targets: ['Linear'],
            weights: { num_bits: 8, type: 'int', strategy: 'channel', symmetric: true, group_size: null },
          },
        },
        ignore: ['lm_head'],
      },
      shards: 1,
      ...byteFallback,
    }),
  },
  'llama-fp8-modelopt-tiny': {
    outtypes,
    ownKeys,
    checkpoint: quantizedLlama({
      seed: 84,
      architecture: 'LlamaForCausalLM',
      dtype: 'F8_E4M3',
      companions: [
        ['weight_scale', 'F32', () => []],
        ['input_scale', 'F32', () => []],
      ],
      quantization: { quant_method: 'modelopt', quant_algo: 'FP8' },
      shards: 1,
      ...byteFallback,
    }),
  },
  // Without scales the numbers mean what they are.
  'llama-fp8-plain-tiny': {
    outtypes,
    ownKeys,
    checkpoint: quantizedLlama({
      seed: 85,
      architecture: 'LlamaForCausalLM',
      dtype: 'F8_E5M2',
      companions: [],
      quantization: undefined,
      shards: 1,
      ...byteFallback,
    }),
  },
};
