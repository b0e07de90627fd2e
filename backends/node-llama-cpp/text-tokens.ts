import type { TextToken } from '../../src/backend/index.ts';

/** Tokens whose bytes are asked for at a time: each is a string, made on the event loop. */
const SLICE = 8192;

/** Tokens with their bytes; `pieces` gives those of a few, as strings of characters below 256. */
export async function textTokens(
  ids: Int32Array,
  pieces: (ids: Int32Array) => Promise<readonly string[]>,
): Promise<readonly TextToken[]> {
  const tokens: TextToken[] = [];
  for (let at = 0; at < ids.length; at += SLICE) {
    const slice = ids.subarray(at, at + SLICE);
    const bytes = await pieces(slice);
    for (const [index, id] of slice.entries()) tokens.push({ id, bytes: Buffer.from(bytes[index] ?? '', 'latin1') });
  }
  return tokens;
}
