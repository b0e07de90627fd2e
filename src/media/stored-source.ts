import { setImmediate } from 'node:timers/promises';
import { readDataUri } from './data-uri.ts';
import type { EncodedImage, StoredSource, UrlSource } from './image-source.ts';
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
  return { pieces: await copiesOf(stored, signal), encoding: 'bytes' };
}

/** The data of a `data:` URI. What is kept stays as it is. Throws `bad_data_uri`, or the signal's reason. */
export async function readKeptDataUri(source: UrlSource, signal: AbortSignal): Promise<EncodedImage> {
  const { pieces, encoding } = readDataUri(source);
  const isKept = typeof source !== 'string' && source.isKept === true;
  return { pieces: isKept ? await copiesOf(pieces, signal) : pieces, encoding };
}

async function copiesOf(
  pieces: readonly Uint8Array<ArrayBuffer>[],
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const copies: Uint8Array<ArrayBuffer>[] = [];
  for (const piece of pieces) {
    signal.throwIfAborted();
    copies.push(piece.slice());
    await setImmediate();
  }
  return copies;
}
