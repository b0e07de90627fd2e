import type { Bitmap } from '../backend/index.ts';
import type { ErrorCode } from '../errors/index.ts';
import type { EncodedImage } from './image-source.ts';
import type { BytesLeft } from './media-budget.ts';
import type { MediaPart, PartsAsk, PartsSettings } from './media-parts.ts';

/** What a document or a video is opened with. */
export interface PartsRequest {
  readonly asked: PartsAsk;
  readonly settings: PartsSettings;
}

/** A request to a decoding thread, which takes over the memory of the image's pieces. */
export interface DecodeRequest {
  readonly id: number;
  readonly image: EncodedImage;
  /** It is a document or a video; undefined for an image. */
  readonly parts?: PartsRequest | undefined;
  readonly maxPixels: number;
  /** Read the header alone: the reply has no pixels. */
  readonly sizeOnly: boolean;
  /** Reply with the image's own file in place of its pixels, where that does: see `plainFileOf`. */
  readonly keepsFile: boolean;
  readonly maxBytes: number;
  /** See `MediaBudget`. */
  readonly bytesLeft: BytesLeft;
}

/** Its reply, which hands over the memory of the pixels. A page or a frame more is told before it. */
export type DecodeReply =
  | { readonly id: number; readonly bitmap: Bitmap }
  | { readonly id: number; readonly parts: readonly MediaPart[] }
  | { readonly id: number; readonly progress: true }
  | { readonly id: number; readonly failure: { readonly code: ErrorCode; readonly message: string } }
  | { readonly id: number; readonly defect: string };
