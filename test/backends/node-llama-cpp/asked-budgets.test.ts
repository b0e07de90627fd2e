import { describe, expect, it } from 'vitest';
import type { ImageGeometry } from '../../../backends/node-llama-cpp/image-budget/geometry.ts';
import { ImageBudgets } from '../../../backends/node-llama-cpp/image-budget/image-budgets.ts';
import type { TokenLimits } from '../../../backends/node-llama-cpp/image-budget/image-budgets.ts';
import type { ProcessorChanges } from '../../../backends/node-llama-cpp/image-budget/processor-changes.ts';
import type { ImageBudget, ImageProcessorSettings } from '../../../src/backend/index.ts';

/** As real models of each family have it. */
const units: Readonly<Record<string, Partial<ImageGeometry>>> = {
  gemma3: { patch: 14, unit: 56, side: 896 },
  gemma4v: { patch: 16, unit: 48, side: 768 },
  glm4v: { patch: 14, unit: 28, side: 336 },
  idefics3: { patch: 16, unit: 64, side: 512, longestEdge: 2048 },
  internvl: { patch: 14, unit: 28, side: 448, minTiles: 1, maxTiles: 12 },
  kimivl: { patch: 14, unit: 28, side: 896 },
  lfm2: { patch: 16, unit: 32, side: 512 },
  llama4: { patch: 14, unit: 28, side: 336, maxTiles: 16 },
  minicpmv4_6: { patch: 14, unit: 56, side: 448 },
  mlp: { patch: 14, unit: 14, side: 336 },
  pixtral: { patch: 16, unit: 16, side: 1024, longestEdge: 1024 },
  qwen2vl_merger: { patch: 14, unit: 28, side: 560 },
  unheard_of: { patch: 14, unit: 14, side: 224 },
};

const nothing = {
  minPixels: undefined,
  maxPixels: undefined,
  minTiles: undefined,
  maxTiles: undefined,
  longestEdge: undefined,
  tileSize: undefined,
};

function budgetsOf(type: string, limits: TokenLimits = {}): ImageBudgets {
  const budgets = new ImageBudgets({ type, patch: 1, unit: 1, side: 1, ...nothing, ...units[type] }, limits);
  budgets.mostTokens = 4096;
  return budgets;
}

const picture = (width: number, height: number) => ({ id: 'picture', width, height });

function changesOf(
  type: string,
  [width, height]: readonly [number, number],
  budget?: ImageBudget,
  processor?: ImageProcessorSettings,
): ProcessorChanges | undefined {
  return budgetsOf(type).of(picture(width, height), budget, processor).settings;
}

const tokens = (count: number): ProcessorChanges => ({ maxPixels: count * 48 ** 2 });

describe('detail', () => {
  it.each([
    ['low', [4000, 3000], tokens(70)],
    ['high', [100, 100], tokens(1120)],
    ['original', [100, 100], tokens(1120)],
    // The smallest budget that keeps the picture's pixels.
    ['auto', [300, 300], tokens(70)],
    ['auto', [402, 402], tokens(140)],
    ['auto', [700, 700], tokens(280)],
    ['auto', [1135, 1136], tokens(560)],
    ['auto', [1137, 1136], tokens(1120)],
    ['auto', [4000, 3000], tokens(1120)],
  ] as const)('%s of a picture of %j gives Gemma 4 %j', (detail, size, changes) => {
    expect(changesOf('gemma4v', size, { detail })).toEqual(changes);
  });

  it('asks for no more tokens than the server has memory for', () => {
    const budgets = budgetsOf('gemma4v');
    budgets.mostTokens = 600;
    expect(budgets.of(picture(4000, 3000), { detail: 'auto' }, undefined).settings).toEqual(tokens(560));
    expect(budgets.of(picture(100, 100), { detail: 'high' }, undefined).settings).toEqual(tokens(560));
  });

  it.each([
    ['qwen2vl_merger', 'low', [4000, 3000], { maxPixels: 512 ** 2 }],
    ['qwen2vl_merger', 'auto', [4000, 3000], undefined],
    ['qwen2vl_merger', 'original', [20, 20], { minPixels: 28 ** 2 }],
    ['pixtral', 'low', [4000, 3000], { longestEdge: 512 }],
    ['pixtral', 'high', [4000, 3000], undefined],
    ['pixtral', 'auto', [1500, 100], { longestEdge: 1024 }],
    ['kimivl', 'low', [4000, 3000], { maxPixels: 512 ** 2 }],
    ['kimivl', 'auto', [4000, 3000], { maxPixels: 16_384 * 14 ** 2 }],
    ['internvl', 'low', [4000, 3000], { maxTiles: 1 }],
    ['internvl', 'high', [4000, 3000], undefined],
    ['llama4', 'low', [4000, 3000], { maxTiles: 1 }],
    ['lfm2', 'low', [4000, 3000], { maxTiles: 1, minTiles: 1 }],
    ['idefics3', 'low', [4000, 3000], { maxTiles: 1 }],
    ['mlp', 'low', [4000, 3000], undefined],
    ['unheard_of', 'low', [4000, 3000], undefined],
  ] as const)('%s: %s of %j gives %j', (type, detail, size, changes) => {
    expect(changesOf(type, size, { detail })).toEqual(changes);
  });
});

describe('pixels of an image part', () => {
  it.each([
    ['gemma4v', { maxPixels: 700_000 }, { maxPixels: 280 * 48 ** 2 }],
    ['gemma4v', { maxPixels: 10 }, { maxPixels: 70 * 48 ** 2 }],
    ['gemma4v', { minPixels: 700_000 }, { maxPixels: 560 * 48 ** 2 }],
    ['gemma4v', { minPixels: 1e9 }, { maxPixels: 1120 * 48 ** 2 }],
    ['qwen2vl_merger', { minPixels: 4096, maxPixels: 100_000 }, { minPixels: 4096, maxPixels: 100_000 }],
    ['qwen2vl_merger', { maxPixels: 1000 }, { minPixels: 1000, maxPixels: 1000 }],
    ['pixtral', { maxPixels: 262_144 }, { longestEdge: 576 }],
    ['internvl', { maxPixels: 1_000_000 }, { maxTiles: 4 }],
    ['idefics3', { maxPixels: 1_100_000 }, { longestEdge: 1024 }],
    ['gemma3', { maxPixels: 1_003_520 }, undefined],
  ] as const)('%s with %j: %j', (type, pixels, changes) => {
    expect(changesOf(type, [1000, 750], { ...pixels, param: 'messages[0].content[0]' })).toEqual(changes);
  });

  it('that a model cannot have are refused by name', () => {
    for (const [type, pixels] of [
      ['gemma3', { maxPixels: 100_000 }],
      ['unheard_of', { minPixels: 100_000 }],
    ] as const) {
      const place = 'messages[0].content[0].image_url';
      expect(() => changesOf(type, [1000, 750], { ...pixels, param: place })).toThrow(place);
    }
  });
});

/** With a setting of the processor beside. */
const asked = (budget: ImageBudget): unknown => changesOf('qwen2vl_merger', [4000, 3000], budget, { max_pixels: 5000 });

describe('settings of the processor', () => {
  it.each([
    ['gemma4v', { max_soft_tokens: 1120 }, { maxPixels: 1120 * 48 ** 2 }],
    ['qwen2vl_merger', { min_pixels: 3136, max_pixels: 12_845 }, { minPixels: 3136, maxPixels: 12_845 }],
    ['qwen2vl_merger', { size: { longest_edge: 12_845 } }, { maxPixels: 12_845 }],
    // It counts the pixels of two frames.
    ['glm4v', { size: { shortest_edge: 20_000, longest_edge: 400_000 } }, { minPixels: 10_000, maxPixels: 200_000 }],
    ['pixtral', { size: { longest_edge: 512 } }, { longestEdge: 512 }],
    ['kimivl', { in_token_limit: 1024 }, { maxPixels: 1024 * 14 ** 2 }],
    ['idefics3', { do_image_splitting: false }, { maxTiles: 1 }],
    ['internvl', { max_patches: 6, use_thumbnail: false }, { maxTiles: 6, hasThumbnail: false }],
    ['lfm2', { max_image_tokens: 128, do_image_splitting: true }, { maxPixels: 128 * 32 ** 2 }],
    ['llama4', { max_patches: 4, resize_to_max_canvas: true }, { maxTiles: 4, fillsCanvas: true }],
    ['minicpmv4_6', { slice_mode: false }, { maxTiles: 1 }],
    [
      'gemma3',
      { do_pan_and_scan: true, pan_and_scan_max_num_crops: 2 },
      { panAndScan: { maxCrops: 2, minCropSize: 256, minRatio: 1.2 } },
    ],
  ] as const)('%s: %j', (type, settings, changes) => {
    expect(changesOf(type, [1000, 750], undefined, settings)).toEqual(changes);
  });

  it.each([
    ['gemma4v', { max_soft_tokens: 300 }, 'mm_processor_kwargs.max_soft_tokens must be one of 70, 140, 280, 560, 1120'],
    ['gemma4v', { max_pixels: 300 }, 'mm_processor_kwargs.max_pixels is no setting of this model'],
    [
      'qwen2vl_merger',
      { max_pixels: -5 },
      'mm_processor_kwargs.max_pixels must be a whole number of at least 1, not -5',
    ],
    ['qwen2vl_merger', { size: { height: 5 } }, 'mm_processor_kwargs.size.height is no setting'],
    ['llama4', { max_patches: 65 }, 'mm_processor_kwargs.max_patches must be a whole number from 1 to 64'],
    ['mlp', { max_pixels: 300 }, 'It has none that a request may change'],
    ['gemma3', { pan_and_scan_max_num_crops: 2 }, 'has no effect without do_pan_and_scan'],
    ['internvl', { use_thumbnail: 'no' }, 'mm_processor_kwargs.use_thumbnail must be true or false'],
  ] as const)('%s refuses %j', (type, settings, message) => {
    expect(() => changesOf(type, [1000, 750], undefined, settings)).toThrow(message);
  });

  it('come before the detail, and the pixels of a part before them', () => {
    expect(asked({ detail: 'low' })).toEqual({ maxPixels: 5000 });
    expect(asked({ detail: 'low', maxPixels: 7000 })).toMatchObject({ maxPixels: 7000 });
  });
});

it('an image is another one with another budget, and the same with the budget that it has anyway', () => {
  const budgets = budgetsOf('gemma4v', { imageMaxTokens: 300 });
  const idOf = (tokens: number): string => budgets.of(picture(500, 500), undefined, { max_soft_tokens: tokens }).id;
  expect(new Set([idOf(70), idOf(140), idOf(280)]).size).toBe(3);
  expect(idOf(280)).toBe('picture');
  expect(budgets.of(picture(500, 500), undefined, undefined).id).toBe('picture');
});

describe('--image-min-tokens and --image-max-tokens', () => {
  it.each([
    ['gemma4v', { imageMaxTokens: 1120 }, { maxPixels: 1120 * 48 ** 2 }],
    ['gemma4v', { imageMaxTokens: 500 }, { maxPixels: 280 * 48 ** 2 }],
    ['gemma4v', { imageMinTokens: 300 }, { maxPixels: 560 * 48 ** 2 }],
    [
      'qwen2vl_merger',
      { imageMinTokens: 16, imageMaxTokens: 1024 },
      { minPixels: 16 * 28 ** 2, maxPixels: 1024 * 28 ** 2 },
    ],
    ['pixtral', { imageMaxTokens: 1024 }, { longestEdge: 512 }],
    ['kimivl', { imageMaxTokens: 256 }, { maxPixels: 256 * 28 ** 2 }],
    ['internvl', { imageMaxTokens: 1536 }, { maxTiles: 5 }],
    ['llama4', { imageMaxTokens: 144 }, { maxTiles: 1 }],
    ['lfm2', { imageMaxTokens: 1100 }, { maxPixels: 256 * 32 ** 2, maxTiles: 3 }],
  ] as const)('%s with %j: %j', (type, limits, changes) => {
    expect(budgetsOf(type, limits).defaults).toEqual(changes);
  });

  it.each([
    ['gemma3', { imageMaxTokens: 100 }],
    ['gemma4v', { imageMaxTokens: 60 }],
    ['internvl', { imageMinTokens: 60 }],
    ['internvl', { imageMaxTokens: 60 }],
    ['qwen2vl_merger', { imageMinTokens: 60, imageMaxTokens: 50 }],
    ['unheard_of', { imageMaxTokens: 60 }],
  ] as const)('%s refuses %j at the start', (type, limits) => {
    expect(() => budgetsOf(type, limits)).toThrow(/--image-(min|max)-tokens/);
  });

  it('bound what a request may ask for', () => {
    const budgets = budgetsOf('internvl', { imageMaxTokens: 1536 });
    expect(() => budgets.of(picture(500, 500), undefined, { max_patches: 6 })).toThrow('--image-max-tokens');
    expect(budgets.of(picture(500, 500), undefined, { max_patches: 2 }).settings).toEqual({ maxTiles: 2 });
  });
});
