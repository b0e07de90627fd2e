import { VserveError } from '../../errors/index.ts';
import { byteText } from './byte-characters.ts';

/** A tiktoken vocabulary: each token, as a byte-level vocabulary writes it, with its rank, which is its id. */
export type Ranks = ReadonlyMap<string, number>;

/**
 * Reads a tiktoken vocabulary: a line a token, its bytes in base64, a space and its rank.
 * Throws `checkpoint_invalid`.
 */
export function parseTiktoken(text: string, file: string): Ranks {
  const ranks = new Map<string, number>();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line === '') continue;
    const [, token, rank] = /^(?<token>[A-Za-z0-9+/]+=*) (?<rank>\d+)$/.exec(line) ?? [];
    if (token === undefined) {
      const message = `${file} is not a tiktoken vocabulary: line ${i + 1} is no token with its rank. Download it again.`;
      throw new VserveError('checkpoint_invalid', message);
    }
    ranks.set(byteText(Buffer.from(token, 'base64')), Number(rank));
  }
  return ranks;
}

/**
 * The merges that make up such a vocabulary: each token of several bytes, in its order, and the two parts that are left
 * when everything of a lower rank has been joined.
 */
export function mergesOf(ranks: Ranks): string[] {
  return Array.from(ranks).flatMap(([token, rank]) => {
    if (token.length === 1) return [];
    const parts = joined(ranks, token, rank);
    return parts.length === 2 ? [parts.join(' ')] : [];
  });
}

function joined(ranks: Ranks, token: string, maxRank: number): string[] {
  const parts = Array.from(token);
  for (;;) {
    let best = -1;
    let bestRank = maxRank;
    for (let i = 0; i + 1 < parts.length; i++) {
      const rank = ranks.get(`${parts[i]}${parts[i + 1]}`) ?? maxRank;
      if (rank < bestRank) [best, bestRank] = [i, rank];
    }
    if (best < 0) return parts;
    parts.splice(best, 2, `${parts[best]}${parts[best + 1]}`);
  }
}
