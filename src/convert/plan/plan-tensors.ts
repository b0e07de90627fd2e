import type { TargetTensor } from '../architectures/architecture.ts';
import { byteLengthOf } from '../gguf/ggml-types.ts';
import { elementCount } from '../gguf/layout.ts';
import type { GgufTensor } from '../gguf/layout.ts';
import type { FixedOuttype } from '../outtype.ts';
import { isContiguous, simplify, viewSize } from '../tensor-view.ts';
import type { TensorMove } from './tensor-move.ts';
import { dtypeBytes } from '../safetensors/dtypes.ts';
import type { Claim, ClaimedSource } from './claim-tensors.ts';
import { chooseType } from './tensor-type.ts';

/** The tensors that the claims' rules write, in order. */
export function describeTargets(claims: readonly Claim[], outtype: FixedOuttype): GgufTensor[] {
  return claims.flatMap(({ rule }) =>
    rule.targets.map(({ name, shape, type }) => ({ name, shape, type: chooseType(name, shape, outtype, type) })),
  );
}

/**
 * How the bytes of those tensors come about. A piece of a tensor is a move of its own: pieces consist of whole rows, so
 * each begins at a block of the target's type.
 *
 * @param offsets where in the file each tensor begins
 */
export function movesOf(
  claims: readonly Claim[],
  tensors: readonly GgufTensor[],
  offsets: readonly number[],
): TensorMove[] {
  const targets = claims.flatMap(({ rule, sources }) => rule.targets.map((target) => ({ target, sources })));
  return targets.flatMap(({ target, sources }, i) =>
    movesOfTarget(target, sources, tensors[i]?.type ?? 'F32', offsets[i] ?? 0),
  );
}

function movesOfTarget(
  { shape, pieces, addend = 0, elements: change }: TargetTensor,
  sources: readonly ClaimedSource[],
  type: GgufTensor['type'],
  offset: number,
): TensorMove[] {
  let targetOffset = offset;
  return (pieces ?? [{ source: 0 }]).flatMap(({ source: position, view: declaredView }) => {
    const source = sources[position];
    if (source === undefined) return [];
    const { tensor, dtype } = source;
    const view = declaredView && simplify(declaredView);
    const elements = view === undefined ? pieceElements(shape, pieces, tensor.shape) : viewSize(view);
    const contiguousFrom = view === undefined ? 0 : isContiguous(view) ? view.offset : undefined;
    const move: TensorMove = {
      ...(tensor.scale && { scale: { ...tensor.scale, first: contiguousFrom ?? 0 } }),
      ...(tensor.delta && { delta: { ...tensor.delta, first: contiguousFrom ?? 0 } }),
      shard: tensor.shard,
      sourceOffset: tensor.offset + (contiguousFrom ?? 0) * dtypeBytes[dtype],
      dtype,
      view: contiguousFrom === undefined ? view : undefined,
      elements,
      targetOffset,
      type,
      addend,
      change,
    };
    targetOffset += byteLengthOf(type, elements);
    return [move];
  });
}

/** A lone source may have more rows than the target takes; one of several is taken whole. */
function pieceElements(target: readonly number[], pieces: unknown, source: readonly number[]): number {
  return elementCount(pieces === undefined ? target : source);
}
