import { VserveError } from '../../errors/index.ts';
import type { CheckpointTensor } from '../checkpoint/read-tensors.ts';
import { elementCount } from '../gguf/layout.ts';
import { scaleAxes } from './scale.ts';
import type { Quantization } from './quantization.ts';

/**
 * Gives each quantized tensor of a checkpoint its scale, and leaves out the scales themselves and those of activations,
 * which llama.cpp does not need.
 *
 * Throws `tensor_missing` for a scale without its tensor and a tensor without its scale, `tensor_invalid`
 *   where the two do not fit.
 */
export function pairScales(
  tensors: readonly CheckpointTensor[],
  { weightOf, isUnused, blocks }: Quantization,
): CheckpointTensor[] {
  const scaleOf = new Map<string, CheckpointTensor>();
  for (const tensor of tensors) {
    const weight = isUnused(tensor.name) ? undefined : weightOf(tensor.name);
    if (weight !== undefined) scaleOf.set(weight, tensor);
  }
  const scales = new Set(Array.from(scaleOf.values(), ({ name }) => name));
  const names = new Set(tensors.map(({ name }) => name));
  for (const [weight, { name }] of scaleOf) {
    if (names.has(weight)) continue;
    throw new VserveError('tensor_missing', `The checkpoint lacks ${weight}, whose scale ${name} it holds.`);
  }
  return tensors
    .filter(({ name }) => !scales.has(name) && !isUnused(name))
    .map((tensor) => {
      const scale = scaleOf.get(tensor.name);
      if (scale !== undefined) return withScale(tensor, scale, blocks);
      if (!/^F8_|^I8$/.test(tensor.dtype)) return tensor;
      throw new VserveError(
        'tensor_missing',
        `The checkpoint lacks the scale of ${tensor.name}, which is ${tensor.dtype}.`,
      );
    });
}

function withScale(
  tensor: CheckpointTensor,
  scale: CheckpointTensor,
  blocks: readonly number[] | undefined,
): CheckpointTensor {
  const { dtype } = scale;
  if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16') {
    throw new VserveError('tensor_invalid', `The scale ${scale.name} is ${dtype}; it must be F32, F16 or BF16.`);
  }
  const axes = scaleAxes(tensor, scale, blocks);
  if (axes === undefined) {
    const sharing = blocks === undefined ? '' : ` in blocks of [${blocks.join(', ')}]`;
    const message = `The scale ${scale.name} of the shape [${scale.shape.join(', ')}] does not fit [${tensor.shape.join(', ')}]${sharing}.`;
    throw new VserveError('tensor_invalid', message);
  }
  const { shard, offset } = scale;
  return { ...tensor, scale: { shard, offset, dtype, elements: elementCount(scale.shape), axes } };
}
