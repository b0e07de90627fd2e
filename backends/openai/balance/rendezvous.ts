import type { Candidate } from './candidate.ts';

/**
 * Of the candidates that may be taken, the one that a key prefers, by weighted rendezvous hashing: where one is added or
 * removed, only the keys that prefer it change theirs. Undefined if none may be taken.
 */
export function preferred<C extends Candidate>(
  candidates: readonly C[],
  key: string,
  mayTake: (candidate: C) => boolean,
): C | undefined {
  const keyHash = hashOf(key);
  let best: C | undefined;
  let [bestScore, bestShare] = [-Infinity, -Infinity];
  for (const candidate of candidates) {
    const share = shareOf(candidate, keyHash);
    // Of no more weight, it scores less: most candidates need no logarithm.
    if (best !== undefined && share <= bestShare && candidate.weight <= best.weight) continue;
    if (!mayTake(candidate)) continue;
    const score = -candidate.weight / Math.log(share);
    if (score > bestScore) [best, bestScore, bestShare] = [candidate, score, share];
  }
  return best;
}

/** From 0 to 1, both excluded. */
function shareOf({ idHash }: Candidate, keyHash: number): number {
  return (mixed(idHash ^ keyHash) + 0.5) / 2 ** 32;
}

/** FNV-1a, 32 bits. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash;
}

/** Every bit depends on every other: the finalizer of MurmurHash3. */
function mixed(hash: number): number {
  let bits = hash;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
