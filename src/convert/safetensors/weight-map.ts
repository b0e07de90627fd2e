import { VserveError } from '../../errors/index.ts';

/** Which shard holds each tensor: tensor name → file name in the checkpoint's folder. */
export type WeightMap = ReadonlyMap<string, string>;

export const indexFile = 'model.safetensors.index.json';

const shardName = /^[\w][\w.-]*\.safetensors$/;

/**
 * Reads the `weight_map` of a parsed `model.safetensors.index.json`. A shard is a plain file name: a path could lead
 * out of the checkpoint's folder.
 *
 * Throws `checkpoint_invalid`.
 */
export function parseWeightMap(index: Readonly<Record<string, unknown>>): WeightMap {
  const { weight_map: weightMap } = index;
  if (typeof weightMap !== 'object' || weightMap === null || Array.isArray(weightMap)) {
    throw new VserveError('checkpoint_invalid', `${indexFile} has no weight_map. Download it again.`);
  }
  return new Map(
    Object.entries(weightMap).map(([tensor, shard]: [string, unknown]) => {
      if (typeof shard !== 'string' || !shardName.test(shard)) {
        const message = `${indexFile} places ${tensor} in ${JSON.stringify(shard)}, which is not the name of a safetensors file in the checkpoint's folder.`;
        throw new VserveError('checkpoint_invalid', message);
      }
      return [tensor, shard];
    }),
  );
}
