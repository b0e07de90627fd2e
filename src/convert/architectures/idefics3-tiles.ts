import type { TensorRule } from './architecture.ts';
import { slice, viewOf } from '../tensor-view.ts';

/**
 * Which rows of the encoder's table of positions the patches of a tile take along one side, where a tile has other than
 * the encoder's own size: the nearest before each, as transformers' Idefics3VisionEmbeddings finds them, with its rounding
 * in single precision.
 */
export function positionsAlong(tilePatches: number, tablePatches: number): number[] {
  const step = Math.fround(1 / tilePatches);
  const most = Math.fround(1 - 1e-6);
  const boundaries = Array.from({ length: tablePatches - 1 }, (_, i) => Math.fround((i + 1) * (1 / tablePatches)));
  return Array.from({ length: tilePatches }, (_, i) => {
    const at = Math.min(Math.fround(i * step), most);
    return boundaries.filter((boundary) => boundary <= at).length;
  });
}

/** The table of positions for tiles, whose patches each take a row of the encoder's. */
export function tilePositions(
  { sources, targets }: TensorRule,
  width: number,
  tilePatches: number,
  tablePatches: number,
): TensorRule {
  const along = positionsAlong(tilePatches, tablePatches);
  const table = viewOf(tablePatches ** 2, width);
  const pieces = along.flatMap((row) =>
    along.map((column) => ({ source: 0, view: slice(table, 0, row * tablePatches + column, 1) })),
  );
  return { sources, targets: targets.map((target) => ({ ...target, shape: [tilePatches ** 2, width], pieces })) };
}
