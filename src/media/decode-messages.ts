import type { Bitmap } from '../backend/index.ts';
import type { ErrorCode } from '../errors/index.ts';
import type { EncodedImage } from './image-source.ts';
import type { BytesLeft } from './media-budget.ts';

/** A request to a decoding thread, which takes over the memory of the image's pieces. */
export interface DecodeRequest {
  readonly id: number;
  readonly image: EncodedImage;
  readonly maxPixels: number;
  /** Read the header alone: the reply has no pixels. */
  readonly sizeOnly: boolean;
  readonly maxBytes: number;
  /** See `MediaBudget`. */
  readonly bytesLeft: BytesLeft;
}

/** Its reply, which hands over the memory of the pixels. */
export type DecodeReply =
  | { readonly id: number; readonly bitmap: Bitmap }
  | { readonly id: number; readonly failure: { readonly code: ErrorCode; readonly message: string } }
  | { readonly id: number; readonly defect: string };
