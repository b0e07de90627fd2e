/** Families whose processors cut a large picture into tiles. */
import type { JsonValue } from '../../../src/backend/index.ts';
import type { ImageFamily } from './image-family.ts';
import type { ImageGeometry } from './geometry.ts';
import type { ProcessorChanges } from './processor-changes.ts';
import { boolean, positiveNumber, sizes, wholeNumber } from './setting-values.ts';

/** Of a picture, that may be asked for: with the overview they are pixels in memory before the prompt's length is known. */
const MOST_TILES = 64;

interface Tiles {
  /** Pixels along one side of a tile, and of a token. */
  readonly side: number;
  readonly unit: number;
  readonly min: number;
  readonly max: number;
  /** Whether an overview comes beside the tiles. */
  readonly hasOverview: boolean;
}

const tokensOfTile = ({ side, unit }: Tiles): number => Math.max(1, Math.floor(side / unit) ** 2);

/** What tiles do for every family: `detail: "low"` is the picture in one, as many as the processor wants are the others. */
function tiled(tiles: Tiles, settings: ImageFamily['settings']): ImageFamily {
  const atMost = (count: number): ProcessorChanges => {
    const maxTiles = Math.min(Math.max(1, Math.floor(count)), MOST_TILES);
    return { maxTiles, ...(maxTiles < tiles.min ? { minTiles: maxTiles } : {}) };
  };
  return {
    settings,
    bound({ min, max }) {
      const most = max === undefined ? {} : atMost(max / tiles.side ** 2);
      const least = Math.min(Math.ceil((min ?? 0) / tiles.side ** 2), most.maxTiles ?? tiles.max);
      return min === undefined ? most : { ...most, minTiles: Math.max(1, least) };
    },
    detail: (detail) => (detail === 'low' ? atMost(1) : {}),
    ofTokens({ min, max }) {
      if (min !== undefined)
        throw new RangeError('the pictures of this model are cut into tiles: their number follows their size');
      if (max === undefined) return {};
      if (max < tokensOfTile(tiles))
        throw new RangeError(`a picture of this model has at least ${String(tokensOfTile(tiles))} tokens`);
      const count = Math.floor(max / tokensOfTile(tiles)) - (tiles.hasOverview ? 1 : 0);
      return atMost(Math.min(Math.max(1, count), tiles.max));
    },
    largest: {},
  };
}

const tileCount = (value: JsonValue, path: string): number => wholeNumber(value, path, 1, MOST_TILES);

const edgeOf = (value: JsonValue, path: string): ProcessorChanges => ({
  longestEdge: wholeNumber(value, path, 1, 4096),
});
const leastTiles = (value: JsonValue, path: string): ProcessorChanges => ({ minTiles: tileCount(value, path) });
const mostTiles = (value: JsonValue, path: string): ProcessorChanges => ({ maxTiles: tileCount(value, path) });
const splits = (value: JsonValue, path: string): ProcessorChanges => (boolean(value, path) ? {} : { maxTiles: 1 });
const thumbnail = (value: JsonValue, path: string): ProcessorChanges => ({ hasThumbnail: boolean(value, path) });

/** Idefics 3 and SmolVLM: the grid follows from the length of the longer side. */
export function idefics3Family({ side, unit, longestEdge }: ImageGeometry): ImageFamily {
  const own = longestEdge ?? 4 * side;
  const tiles: Tiles = { side, unit, min: 1, max: Math.ceil(own / side) ** 2, hasOverview: true };
  const inGrid = (columns: number): ProcessorChanges =>
    columns < 2 ? { maxTiles: 1 } : { longestEdge: Math.min(own, columns * side) };
  return {
    ...tiled(tiles, {
      do_image_splitting: splits,
      longest_edge: edgeOf,
      size: (value, path) => {
        const { longest_edge: edge } = sizes(value, path, ['longest_edge']);
        return edge === undefined ? {} : edgeOf(edge, `${path}.longest_edge`);
      },
    }),
    bound: ({ max }) => (max === undefined ? {} : inGrid(Math.floor(Math.sqrt(max) / side))),
    ofTokens(limits) {
      const { maxTiles } = tiled(tiles, {}).ofTokens?.(limits) ?? {};
      return maxTiles === undefined ? {} : inGrid(Math.floor(Math.sqrt(maxTiles)));
    },
  };
}

/** InternVL. Its own code, and transformers, have names of their own. */
export function internVlFamily({ side, unit, minTiles = 1, maxTiles = 12 }: ImageGeometry): ImageFamily {
  return tiled(
    { side, unit, min: minTiles, max: maxTiles, hasOverview: true },
    {
      min_patches: leastTiles,
      max_patches: mostTiles,
      crop_to_patches: splits,
      min_dynamic_patch: leastTiles,
      max_dynamic_patch: mostTiles,
      dynamic_image_size: splits,
      use_thumbnail: thumbnail,
    },
  );
}

/** LFM2-VL: a picture is scaled as far as its tokens allow, and cut into tiles where it is much larger. */
export function lfm2Family({
  unit,
  tileSize = 512,
  minPixels,
  maxPixels,
  minTiles = 2,
  maxTiles = 10,
}: ImageGeometry): ImageFamily {
  const unitPixels = unit ** 2;
  const own = { min: minPixels ?? 64 * unitPixels, max: maxPixels ?? 256 * unitPixels };
  const whole = (pixels: number): ProcessorChanges => ({
    maxPixels: Math.min(own.max, pixels),
    ...(pixels < own.min ? { minPixels: pixels } : {}),
  });
  const tiles: Tiles = { side: tileSize, unit, min: minTiles, max: maxTiles, hasOverview: true };
  const common = tiled(tiles, {});
  const pixelsOf = (value: JsonValue, path: string): number => wholeNumber(value, path, 1, 16_384) * unitPixels;
  /** A grid has at least two tiles. */
  const inTiles = (changes: ProcessorChanges): ProcessorChanges =>
    changes.maxTiles === undefined || changes.maxTiles >= minTiles ? changes : { maxTiles: 1 };
  return {
    ...common,
    settings: {
      min_image_tokens: (value, path) => ({ minPixels: pixelsOf(value, path) }),
      max_image_tokens: (value, path) => ({ maxPixels: pixelsOf(value, path) }),
      do_image_splitting: splits,
      min_tiles: leastTiles,
      max_tiles: mostTiles,
      use_thumbnail: thumbnail,
      max_pixels_tolerance: (value, path) => ({ tileTolerance: positiveNumber(value, path) }),
    },
    bound({ min, max }) {
      const most =
        max === undefined ? {} : { ...inTiles(common.bound?.({ max }, { width: 1, height: 1 }) ?? {}), ...whole(max) };
      return min === undefined ? most : { ...most, minPixels: Math.min(min, most.maxPixels ?? own.max) };
    },
    ofTokens({ min, max }) {
      if (max === undefined) return min === undefined ? {} : { minPixels: Math.min(min * unitPixels, own.max) };
      const least = min === undefined ? {} : { minPixels: min * unitPixels };
      const small = whole(max * unitPixels);
      const count = Math.floor((max - (small.maxPixels ?? own.max) / unitPixels) / tokensOfTile(tiles));
      return { ...small, ...least, ...inTiles({ maxTiles: Math.min(Math.max(1, count), maxTiles) }) };
    },
    largest: { maxPixels: Math.max(own.max, 1024 * unitPixels) },
  };
}

export function llama4Family({ side, unit, maxTiles = 16 }: ImageGeometry): ImageFamily {
  return tiled(
    { side, unit, min: 1, max: maxTiles, hasOverview: true },
    {
      max_patches: mostTiles,
      resize_to_max_canvas: (value, path) => ({ fillsCanvas: boolean(value, path) }),
    },
  );
}

/** MiniCPM-V. */
export function miniCpmVFamily({ side, unit, maxTiles = 9 }: ImageGeometry): ImageFamily {
  return tiled(
    { side, unit, min: 1, max: maxTiles, hasOverview: true },
    {
      max_slice_nums: mostTiles,
      slice_mode: splits,
    },
  );
}
