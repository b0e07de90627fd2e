import { fixedFamily, panAndScanFamily } from './fixed-families.ts';
import type { ImageGeometry } from './geometry.ts';
import type { ImageFamily } from './image-family.ts';
import { areaFamily, edgeFamily, patchFamily, softTokenFamily } from './scaling-families.ts';
import { idefics3Family, internVlFamily, lfm2Family, llama4Family, miniCpmVFamily } from './tiling-families.ts';

// The pixels of one of the two frames that its processor counts.
const glmArea = { min: (112 * 112) / 2, max: 14 * 14 * 4 * 6144 };
const qwen2Area = { min: 56 * 56, max: 28 * 28 * 16_384 };

/** By `clip.projector_type`. */
const families: Readonly<Record<string, (geometry: ImageGeometry) => ImageFamily>> = {
  deepseekocr: fixedFamily,
  deepseekocr2: fixedFamily,
  gemma3: panAndScanFamily,
  gemma3nv: fixedFamily,
  gemma4v: softTokenFamily,
  gemma4uv: softTokenFamily,
  glm4v: (geometry) => areaFamily(geometry, glmArea, { frames: 2, hasPixelNames: false }),
  granite4_vision: fixedFamily,
  idefics3: idefics3Family,
  internvl: internVlFamily,
  kimivl: patchFamily,
  lfm2: lfm2Family,
  llama4: llama4Family,
  mlp: fixedFamily,
  minicpmv4_6: miniCpmVFamily,
  paddleocr: (geometry) => areaFamily(geometry, { min: 384 * 384, max: 1536 * 1536 }),
  pixtral: edgeFamily,
  qwen2vl_merger: (geometry) => areaFamily(geometry, qwen2Area),
  'qwen2.5vl_merger': (geometry) => areaFamily(geometry, qwen2Area),
  qwen3vl_merger: (geometry) => areaFamily(geometry, { min: 256 * 256, max: 4096 * 4096 }),
};

/** The family of a projector; undefined for one whose processor is not known. */
export function familyOf(geometry: ImageGeometry): ImageFamily | undefined {
  return families[geometry.type]?.(geometry);
}
