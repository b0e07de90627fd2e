import { join } from 'node:path';
import { VserveError } from '../../errors/index.ts';
import type { Delta } from '../adapters/delta.ts';
import { readHeader } from '../safetensors/read-header.ts';
import type { SafetensorsTensor } from '../safetensors/header.ts';
import { indexFile } from '../safetensors/weight-map.ts';
import type { CheckpointFolder } from './checkpoint-folder.ts';
import { findShards } from './shards.ts';
import type { Scale } from './tensor-scale.ts';

/** A tensor and the shard (a file name in the checkpoint's folder) that holds it. */
export interface CheckpointTensor extends SafetensorsTensor {
  readonly shard: string;
  /** What its elements are multiplied by, of a quantized one. */
  readonly scale?: Scale;
  /** What an adapter adds to it. */
  readonly delta?: Delta;
}

/**
 * Every tensor of a checkpoint, shard by shard, sorted by name within each: the order in which llama.cpp's converter
 * writes them. Only headers are read.
 *
 * Throws `safetensors_invalid`, `shard_missing`, `checkpoint_invalid`; `tensor_missing` when the index
 *   and the shards disagree.
 */
export async function readTensors(folder: CheckpointFolder): Promise<CheckpointTensor[]> {
  const { files, weightMap } = await findShards(folder);
  const tensors: CheckpointTensor[] = [];
  const shardOf = new Map<string, string>();
  for (const shard of files) {
    for (const tensor of await readHeader(join(folder.path, shard))) {
      const other = shardOf.get(tensor.name);
      if (other !== undefined) {
        throw new VserveError('safetensors_invalid', `Both ${other} and ${shard} hold the tensor ${tensor.name}.`);
      }
      shardOf.set(tensor.name, shard);
      tensors.push({ ...tensor, shard });
    }
  }
  for (const [name, shard] of weightMap ?? []) {
    if (shardOf.get(name) === shard) continue;
    const message = `${indexFile} places the tensor ${name} in ${shard}, which does not hold it. Download both again.`;
    throw new VserveError('tensor_missing', message);
  }
  const unlisted = weightMap && tensors.find(({ name }) => !weightMap.has(name));
  if (unlisted !== undefined) {
    const message = `${unlisted.shard} holds the tensor ${unlisted.name}, which ${indexFile} does not name. Download both again.`;
    throw new VserveError('checkpoint_invalid', message);
  }
  return tensors;
}
