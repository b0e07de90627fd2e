import { z } from 'zod';
import { parseConfig } from '../checkpoint/parse-config.ts';
import type { CheckpointFolder } from '../checkpoint/checkpoint-folder.ts';
import { bool } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { slice, viewOf } from '../tensor-view.ts';
import { writeSentencePieceTokenizer } from '../tokenizers/sentencepiece-tokenizer.ts';
import type { Checkpoint, Declare, GgufDeclaration, TensorPiece, TensorRule } from './architecture.ts';
import { decoderParameters, decoderSchema, headDimOf, headsKvOf, readDecoderConfig } from './decoder-config.ts';
import type { DecoderConfig } from './decoder-config.ts';
import {
  attentionTensors,
  decoderIgnored,
  decoderName,
  embeddingTensors,
  everyLayer,
  feedForwardTensors,
} from './decoder-tensors.ts';
import { copied } from './tensor-rules.ts';
import { writeTextParameters } from './text-parameters.ts';

/** transformers' Ernie4_5Config and PaddleOCRTextConfig, but for the size of a head. */
const ernieDefaults = {
  vocab_size: 103_424,
  hidden_size: 1024,
  intermediate_size: 3072,
  num_hidden_layers: 18,
  num_attention_heads: 16,
  num_key_value_heads: 2,
  head_dim: null,
  max_position_embeddings: 131_072,
  rms_norm_eps: 1e-5,
  rope_theta: 500_000,
};

/** Declares ERNIE 4.5. Throws `checkpoint_invalid`. */
export const declareErnie: Declare = async (checkpoint) => {
  const config = readDecoderConfig(decoderSchema(ernieDefaults), checkpoint.config);
  // Ernie4_5Config works the size of a head out, so the reference always writes it.
  return declaration(checkpoint, 'ernie4_5', { ...config, head_dim: headDimOf(config) });
};

/** Declares the text model of PaddleOCR-VL, an ERNIE 4.5 with M-RoPE. Throws `checkpoint_invalid`. */
export const declarePaddleOcr: Declare = async (checkpoint) =>
  declaration(checkpoint, 'paddleocr', readDecoderConfig(decoderSchema(ernieDefaults), checkpoint.config));

function declaration(
  { folder, tensorNames }: Checkpoint,
  architecture: 'ernie4_5' | 'paddleocr',
  config: DecoderConfig,
): GgufDeclaration {
  const isFused = tensorNames.some((name) => name.endsWith('.mlp.up_gate_proj.weight'));
  const layer = isFused ? fusedLayer : plainLayer;
  return {
    architecture,
    canonicalName: (name) => decoderName(name).replace(/^ernie\./, 'model.'),
    ignored: decoderIgnored,
    tensors: [...embeddingTensors(config), ...everyLayer(config, (_, source, target) => layer(config, source, target))],
    writeParameters: (keyValues, fileType) => {
      writeTextParameters(keyValues, architecture, decoderParameters(config), fileType);
    },
    writeTokenizer: (keyValues) => writeTokenizer(folder, keyValues, config.vocab_size),
  };
}

function plainLayer(config: DecoderConfig, source: string, target: string): TensorRule[] {
  return [
    ...attentionTensors(config, source, target, { bias: 'optional', norms: false }),
    ...feedForwardTensors(`${source}.mlp`, `${target}.ffn`, config.hidden_size, config.intermediate_size),
  ];
}

/** Checkpoints of PaddlePaddle have one matrix for queries, keys and values, and one for gate and up. */
function fusedLayer(config: DecoderConfig, source: string, target: string): TensorRule[] {
  const { hidden_size: width, intermediate_size: inner, num_attention_heads: heads } = config;
  const [queries, keys] = [heads * headDimOf(config), headsKvOf(config) * headDimOf(config)];
  return [
    copied(`${source}.input_layernorm.weight`, `${target}.attn_norm.weight`, [width]),
    copied(`${source}.post_attention_layernorm.weight`, `${target}.ffn_norm.weight`, [width]),
    splitRows(`${source}.self_attn.qkv_proj.weight`, width, [
      [`${target}.attn_q.weight`, queries],
      [`${target}.attn_k.weight`, keys],
      [`${target}.attn_v.weight`, keys],
    ]),
    copied(`${source}.self_attn.o_proj.weight`, `${target}.attn_output.weight`, [width, queries]),
    splitRows(`${source}.mlp.up_gate_proj.weight`, width, [
      [`${target}.ffn_gate.weight`, inner],
      [`${target}.ffn_up.weight`, inner],
    ]),
    copied(`${source}.mlp.down_proj.weight`, `${target}.ffn_down.weight`, [width, inner]),
  ];
}

/** A matrix whose rows become several matrices, one after the other. */
function splitRows(source: string, columns: number, parts: readonly (readonly [string, number])[]): TensorRule {
  const rows = parts.reduce((sum, [, count]) => sum + count, 0);
  let start = 0;
  const targets = parts.map(([name, count]) => {
    const pieces: TensorPiece[] = [{ source: 0, view: slice(viewOf(rows, columns), 0, start, count) }];
    start += count;
    return { name, shape: [count, columns], pieces };
  });
  return { sources: [{ name: source, shape: [rows, columns] }], targets };
}

const tokenizerSchema = z.looseObject({ add_prefix_space: z.boolean().optional() });

async function writeTokenizer(folder: CheckpointFolder, keyValues: KeyValues, vocabularySize: number): Promise<void> {
  await writeSentencePieceTokenizer(folder, keyValues, vocabularySize);
  const tokenizerConfig = (await folder.optionalJson('tokenizer_config.json')) ?? {};
  const { add_prefix_space: addSpace } = parseConfig(tokenizerSchema, tokenizerConfig, 'tokenizer_config.json');
  if (addSpace !== undefined) keyValues.set('tokenizer.ggml.add_space_prefix', bool(addSpace));
}
