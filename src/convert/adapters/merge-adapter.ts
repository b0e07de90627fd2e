import { join } from 'node:path';
import type { GgufDeclaration } from '../architectures/architecture.ts';
import { CheckpointFolder } from '../checkpoint/checkpoint-folder.ts';
import type { CheckpointTensor } from '../checkpoint/read-tensors.ts';
import { adapterConfigFile, readAdapterConfig } from './adapter-config.ts';
import type { AdapterConfig } from './adapter-config.ts';
import { adapterWeightsFile, readAdapterTensors } from './adapter-tensors.ts';
import type { LoraPair } from './adapter-tensors.ts';
import type { Delta } from './delta.ts';
import { checkPair, TensorNames, unknownWeight } from './match-tensors.ts';

/** In a checkpoint's folder, a folder with an adapter that its weights are converted with: see the store. */
export const mergedAdapterFolder = 'vserve-adapter';

const mergedWeights = `${mergedAdapterFolder}/${adapterWeightsFile}`;
const embedding = 'model.embed_tokens.weight';
const output = 'lm_head.weight';

/** The files of the adapter that a checkpoint is merged with, as paths within its folder; none without one. */
export async function mergedAdapterFiles(folder: CheckpointFolder): Promise<string[]> {
  const names = await folder.list(mergedAdapterFolder);
  return [adapterConfigFile, adapterWeightsFile]
    .filter((name) => names.includes(name))
    .map((name) => `${mergedAdapterFolder}/${name}`);
}

/**
 * The tensors of a checkpoint with what its adapter makes of them, where it has one: a pair of matrices becomes the
 * tensor's delta, a whole tensor stands in the place of the checkpoint's.
 *
 * Throws what the readers of adapters throw; `tensor_unclaimed` for what the model does not have, `tensor_invalid`.
 */
export async function mergeAdapter(
  folder: CheckpointFolder,
  tensors: readonly CheckpointTensor[],
  declarations: readonly GgufDeclaration[],
): Promise<readonly CheckpointTensor[]> {
  if ((await mergedAdapterFiles(folder)).length === 0) return tensors;
  const adapter = new CheckpointFolder(join(folder.path, mergedAdapterFolder));
  const config = await readAdapterConfig(adapter);
  const { pairs, whole, ofBase } = await readAdapterTensors(adapter);
  const merged = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const names = new TensorNames(tensors, declarations);
  for (const tensor of [...ofBase, ...whole]) {
    const name = names.find(tensor.name)?.name ?? tensor.name;
    merged.set(name, { ...tensor, name, shard: mergedWeights });
  }
  untie(pairs, merged, names, declarations);
  const all = new TensorNames([...merged.values()], declarations);
  for (const pair of pairs) {
    const tensor = all.find(pair.name);
    if (tensor === undefined) throw unknownWeight(pair.name);
    checkPair(pair, tensor);
    merged.set(tensor.name, { ...tensor, delta: deltaOf(pair, config) });
  }
  return [...merged.values()];
}

/** Where the output layer shares the weights of the embedding and an adapter changes one of them: gives each its own. */
function untie(
  pairs: readonly LoraPair[],
  tensors: Map<string, CheckpointTensor>,
  names: TensorNames,
  declarations: readonly GgufDeclaration[],
): void {
  const shared = names.find(embedding);
  const isKnown = declarations.some(({ tensors }) => tensors.some(({ sources }) => sources[0]?.name === output));
  const changed = pairs.some(({ name }) => name.endsWith('embed_tokens.weight') || name.endsWith(output));
  if (shared === undefined || !isKnown || !changed || names.find(output) !== undefined || tensors.has(output)) return;
  tensors.set(output, { ...(tensors.get(shared.name) ?? shared), name: output });
}

function deltaOf({ a, b, rank, module, isEmbedding }: LoraPair, { scaleOf }: AdapterConfig): Delta {
  return { shard: mergedWeights, a, b, rank, isTransposed: isEmbedding, scale: scaleOf(module, rank) };
}
