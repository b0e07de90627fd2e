/** Numbers from 0 to 1 that look random; the same seed gives the same ones. */
export type Random = () => number;

/** Mulberry32, which has 32 bits of state: enough for lengths and words. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number near `value`: from `value * (1 - ratio)` to `value * (1 + ratio)`, at least 1. */
export function around(value: number, ratio: number, random: Random): number {
  return Math.max(1, Math.round(value * (1 + ratio * (2 * random() - 1))));
}
