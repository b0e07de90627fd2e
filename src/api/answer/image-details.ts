import { z } from 'zod';
import type { GenerationEvent, ImageReceipt } from '../../backend/index.ts';

const size = z.object({ width: z.int(), height: z.int() });

/** What became of an image of a request: sizes in pixels, times in milliseconds. */
export const imageDetailsSchema = z.object({
  param: z.string().describe('The place of the image in the request.'),
  sent: size.describe('As it came, upright.'),
  seen: size.optional().describe('As the model saw it: coordinates in an answer refer to this.'),
  tokens: z.int(),
  tiles: z.int().describe('Tiles or crops beside the whole image; 0 for none.'),
  cached: z.object({
    decoded: z.boolean().describe('The source came before, and was not decoded again.'),
    encoded: z.boolean().describe('The vision encoder had nothing to do.'),
    computed: z.boolean().describe('The tokens were in the prefix cache.'),
  }),
  fetch_ms: z.number(),
  decode_ms: z.number(),
  encode_ms: z.number(),
});

export type ImageDetailsJson = Readonly<z.infer<typeof imageDetailsSchema>>;

/** The receipts of a request's images, as they are told. */
export function imageDetailsJson(receipts: readonly ImageReceipt[]): ImageDetailsJson[] {
  return receipts.map(({ sent, seen, tokens, tiles, wasEncoded, wasComputed, encodeMs }) => ({
    param: sent?.param ?? '',
    sent: { width: sent?.width ?? 0, height: sent?.height ?? 0 },
    ...(seen === undefined ? {} : { seen }),
    tokens,
    tiles,
    cached: { decoded: sent?.wasDecoded ?? false, encoded: wasEncoded, computed: wasComputed },
    fetch_ms: rounded(sent?.fetchMs ?? 0),
    decode_ms: rounded(sent?.decodeMs ?? 0),
    encode_ms: rounded(encodeMs),
  }));
}

/** Collects the receipts of a stream, whose end tells them where they are asked for. */
export class StreamImages {
  readonly #areAsked: boolean;
  readonly #receipts: ImageReceipt[] = [];

  constructor(areAsked: boolean) {
    this.#areAsked = areAsked;
  }

  take(event: GenerationEvent): void {
    if (event.type === 'prefilled') this.#receipts.push(...(event.images ?? []));
  }

  /** What the last object of the stream has besides its own. */
  get fields(): { readonly image_details?: readonly ImageDetailsJson[] } {
    return this.#areAsked ? { image_details: imageDetailsJson(this.#receipts) } : {};
  }
}

/** An answer with the details of its images. Several answers to several prompts have each its own already. */
export function withImageDetails(answer: object, receipts: readonly ImageReceipt[]): object {
  if (Array.isArray(answer) || 'image_details' in answer) return answer;
  return { ...answer, image_details: imageDetailsJson(receipts) };
}

/** To microseconds. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
