import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { indexFile } from '../../src/convert/safetensors/weight-map.ts';
import { textShapes } from './gemma3-shapes.ts';
import { sentencePieceModel, syntheticPieces } from './sentencepiece-writer.ts';
import { plainWeightBytes, writePlainWeights } from './write-plain-weights.ts';

export interface LargeCheckpointSizes {
  readonly layers: number;
  readonly width: number;
  readonly vocabulary: number;
  readonly shards: number;
}

/** Writes a checkpoint of random bfloat16 weights with the layout of a Gemma 3 text model; tells its bytes. */
export async function writeLargeCheckpoint(
  directory: string,
  { layers, width, vocabulary, shards }: LargeCheckpointSizes,
): Promise<number> {
  const sizes = { vocabulary, width, inner: width * 4, layers, heads: 32, headsKv: 16, headDim: 128 };
  const shapes = textShapes(sizes, '');
  const weightMap: Record<string, string> = {};
  await mkdir(directory, { recursive: true });
  for (let shard = 0; shard < shards; shard++) {
    const name = `model-${shard + 1}-of-${shards}.safetensors`;
    const within = new Map([...shapes].filter((_, i) => i % shards === shard));
    for (const tensor of within.keys()) weightMap[tensor] = name;
    await writePlainWeights(join(directory, name), within);
  }
  const config = {
    architectures: ['Gemma3ForCausalLM'],
    model_type: 'gemma3_text',
    vocab_size: sizes.vocabulary,
    hidden_size: sizes.width,
    intermediate_size: sizes.inner,
    num_hidden_layers: sizes.layers,
    num_attention_heads: sizes.heads,
    num_key_value_heads: sizes.headsKv,
    head_dim: sizes.headDim,
    sliding_window: 1024,
  };
  await writeFile(join(directory, 'config.json'), JSON.stringify(config));
  await writeFile(join(directory, indexFile), JSON.stringify({ weight_map: weightMap }));
  await writeFile(join(directory, 'tokenizer.model'), sentencePieceModel(syntheticPieces(sizes.vocabulary)));
  return plainWeightBytes(shapes);
}
