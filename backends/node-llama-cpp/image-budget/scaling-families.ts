/** Families whose processors scale a picture, and give the encoder all of it. */
import type { ImageDetail } from '../../../src/backend/index.ts';
import type { ImageFamily } from './image-family.ts';
import type { ImageGeometry } from './geometry.ts';
import type { PictureSize, PixelLimits, ProcessorChanges } from './processor-changes.ts';
import { areaOf } from './processor-changes.ts';
import { oneOf, sizes, wholeNumber } from './setting-values.ts';

/** Of `detail: "low"`: what OpenAI's models see of such a picture, about. */
const LOW_SIDE = 512;
const LOW_PIXELS = LOW_SIDE ** 2;
/** Tokens of a picture that may be asked for, where a processor has no limit of its own. */
const MOST_TOKENS = 16_384;

interface Area {
  readonly min: number;
  readonly max: number;
}

interface AreaNames {
  /** How often a processor counts the pixels of a picture. */
  readonly frames?: number;
  /** Whether `min_pixels` and `max_pixels` are settings beside `size`. */
  readonly hasPixelNames?: boolean;
}

/** Both sides multiples of a token's, the area within bounds: Qwen-VL, GLM-V, PaddleOCR-VL. `usual`: on the Hub. */
export function areaFamily(geometry: ImageGeometry, usual: Area, names: AreaNames = {}): ImageFamily {
  const { frames = 1, hasPixelNames = true } = names;
  const unitPixels = geometry.unit ** 2;
  const own: Area = { min: geometry.minPixels ?? usual.min, max: geometry.maxPixels ?? usual.max };
  const largest = Math.max(own.max, MOST_TOKENS * unitPixels);
  const within = ({ min, max }: PixelLimits): ProcessorChanges => ({
    ...(min === undefined ? {} : { minPixels: min }),
    ...(max === undefined ? {} : { maxPixels: max }),
    // A bound that the request leaves out yields.
    ...(min === undefined && max !== undefined && max < own.min ? { minPixels: max } : {}),
    ...(max === undefined && min !== undefined && min > own.max ? { maxPixels: min } : {}),
  });
  const pixelNames = {
    min_pixels: (value, path) => ({ minPixels: wholeNumber(value, path) }),
    max_pixels: (value, path) => ({ maxPixels: wholeNumber(value, path) }),
  } satisfies ImageFamily['settings'];
  return {
    settings: {
      ...(hasPixelNames ? pixelNames : {}),
      size: (value, path) => {
        const { shortest_edge: min, longest_edge: max } = sizes(value, path, ['shortest_edge', 'longest_edge']);
        return {
          ...(min === undefined ? {} : { minPixels: Math.ceil(min / frames) }),
          ...(max === undefined ? {} : { maxPixels: Math.max(1, Math.floor(max / frames)) }),
        };
      },
    },
    bound: within,
    detail(detail, picture) {
      if (detail === 'low') return own.max <= LOW_PIXELS ? {} : within({ max: LOW_PIXELS });
      if (detail === 'high') return {};
      const enough = areaOf(picture) <= own.max ? {} : { maxPixels: largest };
      return detail === 'auto' ? enough : { minPixels: Math.min(own.min, unitPixels), ...enough };
    },
    ofTokens: ({ min, max }) => within({ min: min && min * unitPixels, max: max && max * unitPixels }),
    largest: { maxPixels: largest },
  };
}

const SOFT_TOKENS = [70, 140, 280, 560, 1120] as const;

/** Of the budgets up to `max`, the greatest, or without `max` the least of at least `min`; else the nearest. */
const budgetWithin = ({ min = 0, max }: PixelLimits, of: (tokens: number) => number): number => {
  const [least] = SOFT_TOKENS;
  if (max !== undefined) return SOFT_TOKENS.findLast((tokens) => of(tokens) <= max) ?? least;
  return SOFT_TOKENS.find((tokens) => of(tokens) >= min) ?? 1120;
};

const asTokens = (tokens: number): number => tokens;

/** As many tokens as one of a few budgets allows, whatever a picture's size: Gemma 4. */
export function softTokenFamily({ unit }: ImageGeometry): ImageFamily {
  const pixelsOf = (tokens: number): number => tokens * unit ** 2;
  const ofBudget = (tokens: number): ProcessorChanges => ({ maxPixels: pixelsOf(tokens) });
  return {
    settings: { max_soft_tokens: (value, path) => ofBudget(oneOf(value, path, SOFT_TOKENS)) },
    bound: (limits) => ofBudget(budgetWithin(limits, pixelsOf)),
    detail(detail, picture, mostTokens) {
      const possible = SOFT_TOKENS.filter((tokens) => tokens <= mostTokens);
      const most = possible.at(-1) ?? SOFT_TOKENS[0];
      if (detail === 'low') return ofBudget(SOFT_TOKENS[0]);
      if (detail === 'auto') return ofBudget(possible.find((tokens) => pixelsOf(tokens) >= areaOf(picture)) ?? most);
      return ofBudget(most);
    },
    ofTokens(limits) {
      const { min = 0, max = Infinity } = limits;
      if (SOFT_TOKENS.some((tokens) => tokens >= min && tokens <= max)) return ofBudget(budgetWithin(limits, asTokens));
      throw new RangeError(`the pictures of this model have at most ${SOFT_TOKENS.join(', ')} tokens`);
    },
    largest: ofBudget(1120),
  };
}

/** The longer side is bounded, and nothing enlarged: Pixtral. */
export function edgeFamily({ unit, side, longestEdge }: ImageGeometry): ImageFamily {
  const own = longestEdge ?? side;
  const largest = Math.max(own, unit * Math.floor(Math.sqrt(4096)));
  const seenPixels = ({ width, height }: PictureSize, edge: number): number => {
    const scale = Math.min(1, edge / Math.max(width, height));
    const sideOf = (length: number): number => Math.ceil(Math.max(1, Math.floor(length * scale)) / unit) * unit;
    return sideOf(width) * sideOf(height);
  };
  /** The longest edge with which a picture has no more than that many pixels. */
  const edgeFor = (picture: PictureSize, pixels: number, most: number): number => {
    let edge = Math.min(most, Math.ceil(Math.max(picture.width, picture.height) / unit) * unit);
    while (edge > unit && seenPixels(picture, edge) > pixels) edge -= unit;
    return Math.max(1, edge);
  };
  return {
    settings: {
      longest_edge: (value, path) => ({ longestEdge: wholeNumber(value, path, 1, 65_536) }),
      size: (value, path) => {
        const { longest_edge: edge } = sizes(value, path, ['longest_edge']);
        return edge === undefined ? {} : { longestEdge: wholeNumber(edge, `${path}.longest_edge`, 1, 65_536) };
      },
    },
    bound({ max = Infinity }, picture) {
      return { longestEdge: edgeFor(picture, max, max === Infinity ? own : largest) };
    },
    detail(detail: ImageDetail, picture, mostTokens) {
      if (detail === 'low') return own <= LOW_SIDE ? {} : { longestEdge: LOW_SIDE };
      if (detail === 'high' || Math.max(picture.width, picture.height) <= own) return {};
      return { longestEdge: Math.max(own, edgeFor(picture, mostTokens * unit ** 2, largest)) };
    },
    ofTokens({ min, max }) {
      if (min !== undefined) throw new RangeError("this model's image processor enlarges no picture");
      return max === undefined ? {} : { longestEdge: Math.max(unit, unit * Math.floor(Math.sqrt(max))) };
    },
    largest: { longestEdge: largest },
  };
}

/** At most a number of patches, and nothing enlarged: Kimi-VL. */
export function patchFamily({ patch, unit, maxPixels }: ImageGeometry): ImageFamily {
  const patchPixels = patch ** 2;
  const own = maxPixels ?? 4096 * patchPixels;
  const largest = Math.max(own, MOST_TOKENS * patchPixels);
  return {
    settings: {
      in_token_limit: (value, path) => ({ maxPixels: wholeNumber(value, path, 1, MOST_TOKENS) * patchPixels }),
    },
    bound: ({ max }) => (max === undefined ? {} : { maxPixels: Math.max(patchPixels, max) }),
    detail(detail, picture) {
      if (detail === 'low') return own <= LOW_PIXELS ? {} : { maxPixels: LOW_PIXELS };
      return detail === 'high' || areaOf(picture) <= own ? {} : { maxPixels: largest };
    },
    ofTokens({ min, max }) {
      if (min !== undefined) throw new RangeError("this model's image processor enlarges no picture");
      return max === undefined ? {} : { maxPixels: max * unit ** 2 };
    },
    largest: { maxPixels: largest },
  };
}
