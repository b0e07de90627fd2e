import type { Bitmap } from '../backend/index.ts';
import type { ErrorCode } from '../errors/index.ts';
import type { EncodedImage } from './image-source.ts';
import type { BytesLeft } from './media-budget.ts';

/** What the decoding thread is asked. The memory of the image's pieces moves to it. */
export interface DecodeRequest {
  readonly id: number;
  readonly image: EncodedImage;
  readonly maxPixels: number;
  readonly maxBytes: number;
  /** See `MediaBudget`. */
  readonly bytesLeft: BytesLeft;
}

/** What it answers. The memory of the pixels moves back. */
export type DecodeReply =
  | { readonly id: number; readonly bitmap: Bitmap }
  | { readonly id: number; readonly failure: { readonly code: ErrorCode; readonly message: string } }
  | { readonly id: number; readonly defect: string };
