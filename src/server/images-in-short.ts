import type { ImageReceipt } from '../backend/index.ts';
import { counted } from '../formats/counted.ts';

/** Below this part of its pixels, a picture has lost what small print needs. */
const SHRUNK = 0.5;
/** So many are told one by one. */
const MAX_TOLD = 4;

/** The receipts in short, for a log that programs read: `1280x960 as 448x336, 192 tokens, shrunk to 12 % of its pixels`. */
export function imagesInShort(receipts: readonly ImageReceipt[]): string[] {
  return receipts.map(inShort);
}

/**
 * The same for a line: the first few, and of the others how many there are. Those that were shrunk to less than half their
 * pixels are always told.
 */
export function imagesInLine(receipts: readonly ImageReceipt[]): string {
  const told = receipts.filter((receipt, index) => index < MAX_TOLD || isShrunk(receipt)).slice(0, MAX_TOLD * 2);
  const others = receipts.filter((receipt) => !told.includes(receipt));
  const shrunk = others.filter(isShrunk).length;
  const rest = others.length === 0 ? [] : [`${String(others.length)} more`];
  const lost = shrunk === 0 ? [] : [`${String(shrunk)} of them shrunk to less than half`];
  return [...imagesInShort(told), [...rest, ...lost].join(', ')].filter((text) => text !== '').join('; ');
}

function inShort(receipt: ImageReceipt): string {
  const { sent, seen, tokens, tiles, wasEncoded, wasComputed } = receipt;
  const size = sent === undefined ? '' : `${String(sent.width)}x${String(sent.height)}`;
  const asSeen = seen === undefined ? '' : ` as ${String(seen.width)}x${String(seen.height)}`;
  const inTiles = tiles === 0 ? '' : ` in ${String(tiles)} tiles`;
  const cached = wasComputed ? ', cached' : wasEncoded ? ', encoded before' : '';
  const kept = keptPart(receipt);
  const loss = kept < SHRUNK ? `, shrunk to ${(100 * kept).toFixed(kept < 0.1 ? 1 : 0)} % of its pixels` : '';
  return `${size}${asSeen}${inTiles}, ${counted(tokens, 'token')}${cached}${loss}`;
}

function isShrunk(receipt: ImageReceipt): boolean {
  return keptPart(receipt) < SHRUNK;
}

/** The part of its pixels that a model saw; 1 where that is not known. */
function keptPart({ sent, seen }: ImageReceipt): number {
  return sent === undefined || seen === undefined ? 1 : (seen.width * seen.height) / (sent.width * sent.height);
}
