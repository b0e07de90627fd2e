import type { Bitmap } from '../backend/index.ts';
import type { ErrorCode } from '../errors/index.ts';

/** What the decoding thread is asked. The memory of `pieces` moves to it. */
export interface DecodeRequest {
  readonly id: number;
  /** The encoded picture, cut anywhere. */
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
  readonly maxBytes: number;
  /** See `MediaBudget`. */
  readonly decodedBytesLeft: BigInt64Array<SharedArrayBuffer>;
}

/** What it answers. The memory of the pixels moves back. */
export type DecodeReply =
  | { readonly id: number; readonly bitmap: Bitmap }
  | { readonly id: number; readonly failure: { readonly code: ErrorCode; readonly message: string } }
  | { readonly id: number; readonly defect: string };
