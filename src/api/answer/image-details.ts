import { z } from 'zod';
import type { ImageReceipt } from '../../backend/index.ts';

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

/** To microseconds. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
