import { setImmediate } from 'node:timers/promises';
import type { EncodedImage, StoredSource } from './image-source.ts';
import type { MediaBudget } from './media-budget.ts';

interface StoredSourceOptions {
  readonly budget: MediaBudget;
  readonly signal: AbortSignal;
}

/**
 * The bytes of a stored file, in memory of their own: what is decoded is gone. Streams go on between its pieces. Throws
 * `over_budget`, or the signal's reason.
 */
export async function readStored(
  { stored }: StoredSource,
  { budget, signal }: StoredSourceOptions,
): Promise<EncodedImage> {
  budget.spendEncoded(stored.reduce((sum, piece) => sum + piece.length, 0));
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (const piece of stored) {
    signal.throwIfAborted();
    pieces.push(piece.slice());
    await setImmediate();
  }
  return { pieces, encoding: 'bytes' };
}
