import { isJsonObject } from '../checkpoint/checkpoint-folder.ts';
import type { CheckpointFolder, JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { readTensors } from '../checkpoint/read-tensors.ts';
import type { CheckpointTensor } from '../checkpoint/read-tensors.ts';
import { precisions } from '../describe.ts';
import type { ModelDescription } from '../../conversion/index.ts';
import type { Precision } from '../describe.ts';
import { elementCount } from '../gguf/layout.ts';

/** Bits of an element, in the middle of what models take: mixtures depend on names that only a conversion knows. */
const bitsOf: Readonly<Record<Precision, number>> = {
  f32: 32,
  bf16: 16,
  f16: 16,
  q8_0: 8.5,
  q6_k: 6.6,
  q5_k_m: 5.7,
  q4_k_m: 4.9,
  q4_0: 4.6,
};

/** What the names of tensors begin with, or have after `model.`, that belong to an encoder of images or sound. */
const encoderName =
  /(?:^|\.)(?:vision|visual|vit|image|img|patch|multi_modal|mm_|audio|sound|speech|vpm|resampler|projector|connector|aligner|mlp1|sam_model|embed_vision|embed_audio)/;

/**
 * Describes a checkpoint of any architecture by its configuration and the sizes of its tensors: an estimate, as close as
 * a choice between precisions needs it.
 *
 * Throws `checkpoint_invalid`, `safetensors_invalid`, `shard_missing`, `tensor_missing`.
 */
export async function describeUnknown(folder: CheckpointFolder): Promise<ModelDescription> {
  const config = await folder.json('config.json');
  const tensors = await readTensors(folder);
  const text = textConfigOf(config);
  const parameters = count(tensors.filter((tensor) => !isEncoder(tensor)));
  const encoderParameters = count(tensors.filter(isEncoder));
  const isBf16 = tensors.find(({ shape }) => shape.length >= 2)?.dtype === 'BF16';
  const own: Precision = isBf16 ? 'bf16' : 'f16';
  const smaller = precisions.slice(precisions.indexOf('q8_0'));
  return {
    architecture: firstOf(config.architectures) ?? 'unknown',
    family: stringOf(text.model_type) ?? stringOf(config.model_type) ?? 'unknown',
    name: undefined,
    parameters,
    visionParameters: encoderParameters === 0 ? undefined : encoderParameters,
    contextLength: numberOf(text, 'max_position_embeddings', 'n_positions', 'max_seq_len', 'seq_length'),
    contextBytesPerToken: contextBytesPerToken(text),
    precision: own,
    mmprojBytes: (encoderParameters * bitsOf[own]) / 8,
    sizes: [own, ...smaller].map((precision: Precision) => ({
      precision,
      bytes: Math.ceil((parameters * bitsOf[precision]) / 8),
    })),
  };
}

const isEncoder = ({ name }: CheckpointTensor): boolean => encoderName.test(name);

function count(tensors: readonly CheckpointTensor[]): number {
  return tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

function textConfigOf(config: JsonObject): JsonObject {
  const parts = [config.text_config, config.llm_config, config.language_config];
  return { ...config, ...parts.find(isJsonObject) };
}

/** Two vectors of half precision for each layer and each of its KV heads. */
function contextBytesPerToken(config: JsonObject): number {
  const layers = numberOf(config, 'num_hidden_layers', 'n_layers', 'n_layer', 'num_layers') ?? 0;
  const heads = numberOf(config, 'num_attention_heads', 'n_heads', 'n_head') ?? 1;
  const headsKv = numberOf(config, 'num_key_value_heads', 'n_kv_heads') ?? heads;
  const width = numberOf(config, 'hidden_size', 'dim', 'n_embd', 'd_model') ?? 0;
  const headDim = numberOf(config, 'head_dim') ?? width / heads;
  return layers * headsKv * headDim * 2 * 2;
}

function numberOf(config: JsonObject, ...keys: readonly string[]): number | undefined {
  const value = keys.map((key) => config[key]).find((found) => typeof found === 'number' && found > 0);
  return typeof value === 'number' ? value : undefined;
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function firstOf(value: unknown): string | undefined {
  return Array.isArray(value) ? stringOf(value[0]) : undefined;
}
