import { VserveError } from '../../errors/index.ts';
import { indexFile, parseWeightMap } from '../safetensors/weight-map.ts';
import type { WeightMap } from '../safetensors/weight-map.ts';
import type { CheckpointFolder } from './checkpoint-folder.ts';

/** What PEFT saves instead of a model. */
const adapterFile = 'adapter_model.safetensors';

/** The safetensors files of a checkpoint, sorted by name, and its index where it has one. */
export interface Shards {
  readonly files: readonly string[];
  readonly weightMap: WeightMap | undefined;
}

/**
 * Finds the files that hold a checkpoint's weights: those that its index names, else every `model*.safetensors`.
 *
 * Throws `shard_missing` when the index names a file that is not there, or there is no weight file at
 *   all; `checkpoint_invalid` for a broken index.
 */
export async function findShards(folder: CheckpointFolder): Promise<Shards> {
  const present = await folder.list();
  const index = await folder.optionalJson(indexFile);
  const weightMap = index === undefined ? undefined : parseWeightMap(index);
  const files =
    weightMap === undefined
      ? present.filter((name) => name.startsWith('model') && name.endsWith('.safetensors'))
      : [...new Set(weightMap.values())].sort();
  const missing = files.filter((name) => !present.includes(name));
  if (missing.length > 0) {
    const message = `${indexFile} names ${missing.join(', ')}, which ${folder.path} does not hold. Download the missing files.`;
    throw new VserveError('shard_missing', message);
  }
  if (files.length === 0 && present.includes(adapterFile)) {
    const message = `${folder.path} holds an adapter (${adapterFile}), not a model. Merge it into its base model with PEFT's merge_and_unload() and convert the result.`;
    throw new VserveError('shard_missing', message);
  }
  if (files.length === 0) {
    const message = `${folder.path} has no model*.safetensors. Only checkpoints in safetensors format can be converted.`;
    throw new VserveError('shard_missing', message);
  }
  return { files, weightMap };
}
