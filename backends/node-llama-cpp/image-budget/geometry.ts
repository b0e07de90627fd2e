import type { GgufHeader } from '../../../src/gguf/read-header.ts';

/** How an encoder divides pictures up, and how its checkpoint's image processor is set up, as far as the file says so. */
export interface ImageGeometry {
  /** `clip.projector_type`. */
  readonly type: string;
  /** Pixels of a patch along one side. */
  readonly patch: number;
  /** Pixels of a token along one side: of several patches. */
  readonly unit: number;
  /** Pixels along one side of the square that the encoder was made for: of a tile, where pictures are cut into tiles. */
  readonly side: number;
  readonly minPixels: number | undefined;
  readonly maxPixels: number | undefined;
  readonly minTiles: number | undefined;
  readonly maxTiles: number | undefined;
  readonly longestEdge: number | undefined;
  readonly tileSize: number | undefined;
}

/** Patches of a token along one side, where the file does not say. */
const USUAL_MERGE: Readonly<Record<string, number>> = {
  gemma3: 4,
  gemma4v: 3,
  gemma4uv: 3,
  glm4v: 2,
  minicpmv4_6: 4,
  paddleocr: 2,
  qwen2vl_merger: 2,
  'qwen2.5vl_merger': 2,
  qwen3vl_merger: 2,
};

/** Families whose files say it as `spatial_merge_size`. */
const MERGES_SPATIALLY: ReadonlySet<string> = new Set([
  'glm4v',
  'pixtral',
  'qwen2vl_merger',
  'qwen2.5vl_merger',
  'qwen3vl_merger',
]);

/** Reads the geometry from a projector's header. */
export function geometryOf(type: string, keyValues: GgufHeader['keyValues']): ImageGeometry {
  const number = (key: string): number | undefined => {
    const value = keyValues.get(key);
    return typeof value === 'number' && value > 0 ? value : undefined;
  };
  const vision = (key: string): number | undefined => number(`clip.vision.${key}`);
  const patch = vision('patch_size') ?? 1;
  const merge = vision(MERGES_SPATIALLY.has(type) ? 'spatial_merge_size' : 'projector.scale_factor');
  return {
    type,
    patch,
    unit: patch * (merge ?? USUAL_MERGE[type] ?? 1),
    side: vision('image_size') ?? 1,
    minPixels: vision('image_min_pixels'),
    maxPixels: vision('image_max_pixels'),
    minTiles: vision('preproc_min_tiles'),
    maxTiles: vision('preproc_max_tiles'),
    longestEdge: vision('preproc_image_size'),
    tileSize: number('vserve.image.tile_size'),
  };
}
