import type { ScaleAxis } from '../checkpoint/tensor-scale.ts';
import type { SafetensorsTensor } from '../safetensors/header.ts';

/**
 * Lays a scale out over a tensor as PyTorch would: axes of one element, and those that it lacks at the end, are the same
 * for all; with `blocks`, numbers of the last axes stand for that many elements. Undefined where the shapes do not fit.
 */
export function scaleAxes(
  { shape }: Pick<SafetensorsTensor, 'shape'>,
  scale: Pick<SafetensorsTensor, 'shape'>,
  blocks: readonly number[] | undefined,
): ScaleAxis[] | undefined {
  if (scale.shape.length > shape.length || (blocks !== undefined && blocks.length > scale.shape.length))
    return undefined;
  if (blocks !== undefined && scale.shape.length !== shape.length) return undefined;
  const axes: ScaleAxis[] = [];
  for (const [axis, size] of shape.entries()) {
    const count = scale.shape[axis] ?? 1;
    const block = blocks?.[axis - shape.length + blocks.length] ?? 1;
    const stride = scale.shape.slice(axis + 1).reduce((product, n) => product * n, 1);
    const isShared = count === 1 && (block === 1 || size <= block);
    if (!isShared && count !== Math.ceil(size / block)) return undefined;
    axes.push(isShared ? { size, block: 1, stride: 0 } : { size, block, stride });
  }
  return axes;
}

/**
 * Multiplies `count` elements of a tensor, those from its element `first` on, by their scales, in single precision.
 * @param scales all numbers of the scale
 */
export function multiplyByScales(
  values: Float32Array,
  count: number,
  first: number,
  axes: readonly ScaleAxis[],
  scales: Float32Array,
): void {
  const last = axes.at(-1) ?? { size: 1, block: 1, stride: 0 };
  const outer = axes.slice(0, -1).toReversed();
  for (let done = 0; done < count;) {
    const column = (first + done) % last.size;
    let rest = Math.floor((first + done) / last.size);
    let row = 0;
    for (const { size, block, stride } of outer) {
      row += Math.floor((rest % size) / block) * stride;
      rest = Math.floor(rest / size);
    }
    // A run of elements of one row that share their number.
    const inBlock = last.stride === 0 ? last.size - column : last.block - (column % last.block);
    const run = Math.min(inBlock, last.size - column, count - done);
    const scale = scales[row + Math.floor(column / last.block) * last.stride] ?? 0;
    for (const end = done + run; done < end; done++) values[done] = (values[done] ?? 0) * scale;
  }
}
