import type { LoadedLlama } from '../../backends/node-llama-cpp/loaded-llama.ts';
import type { Bitmap, ImageBudget, ImageProcessorSettings, ImageReceipt } from '../../src/backend/index.ts';
import { greedyRequest } from './greedy.ts';

/** Sides of pictures that no processor is made for: a pixel, strips, and 16, 40 and 100 megapixels. */
export const oddSizes = [
  [1, 1],
  [30, 3000],
  [3000, 30],
  [4000, 4000],
  [8000, 5000],
  [12_500, 8000],
] as const;

/** Steps, in tokens. */
export const oddBatches = [64, 256, 512, 2048] as const;

/** What a request may ask of any family. */
export const oddBudgets: readonly ImageBudget[] = [
  {},
  { detail: 'low' },
  { detail: 'high' },
  { detail: 'auto' },
  { detail: 'original' },
  { maxPixels: 100_000, param: 'image' },
  { minPixels: 500_000, param: 'image' },
  { maxPixels: 10, param: 'image' },
];

/** And of one. */
export const oddSettings: Readonly<Record<string, readonly ImageProcessorSettings[]>> = {
  gemma4: [{ max_soft_tokens: 70 }, { max_soft_tokens: 1120 }],
  glm4: [{ size: { longest_edge: 2_000_000 } }],
  idefics3: [{ size: { longest_edge: 512 } }],
  internvl: [{ max_patches: 20 }],
  kimi: [{ in_token_limit: 64 }],
  lfm2: [{ max_tiles: 20 }, { max_image_tokens: 1000, do_image_splitting: false }],
  llama4: [{ max_patches: 20 }, { resize_to_max_canvas: true }],
  minicpm: [{ max_slice_nums: 20 }],
  pixtral: [{ size: { longest_edge: 1024 } }],
  qwen: [{ size: { shortest_edge: 1, longest_edge: 3_000_000 } }],
  smolvlm: [{ do_image_splitting: false }],
};

/** A plain picture: what it costs is its size. */
export function plainPicture(width: number, height: number, seed: number): Bitmap {
  const rgb = new Uint8Array(width * height * 3).fill(seed % 256);
  return { width, height, rgb, id: `plain ${String(width)}x${String(height)} ${String(seed)}` };
}

export interface OddOutcome {
  /** `seen`, or the code of an error. */
  readonly outcome: string;
  readonly receipt?: ImageReceipt | undefined;
}

/** Asks about a picture. Throws for an answer to a picture that was not seen, and for an error without a code. */
export async function askOddly(
  model: LoadedLlama,
  image: Bitmap,
  budget: ImageBudget,
  imageProcessor?: ImageProcessorSettings,
): Promise<OddOutcome> {
  const content = [
    { type: 'image' as const, image, budget },
    { type: 'text' as const, text: 'What is it?' },
  ];
  const messages = [{ role: 'user' as const, content }];
  const request = { messages, ...greedyRequest, maxTokens: 1, ignoreEos: true, imageProcessor };
  let receipt: ImageReceipt | undefined;
  try {
    for await (const event of model.generate(request, new AbortController().signal)) {
      if (event.type === 'prefilled') receipt = event.images?.[0];
    }
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    return { outcome: code };
  }
  if (receipt === undefined || receipt.tokens === 0)
    throw new Error('There is an answer to a picture that was not seen.');
  return { outcome: 'seen', receipt };
}
