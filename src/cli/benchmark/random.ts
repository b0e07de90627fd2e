import type { Distribution } from '../../settings/index.ts';

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

/** A number of a distribution. */
export function drawn({ name, parameters: [a, b] }: Distribution, random: Random): number {
  return draws[name](a, b, random);
}

const draws: Readonly<Record<Distribution['name'], (a: number, b: number, random: Random) => number>> = {
  constant: (value) => value,
  N: (mean, std, random) => mean + std * normal(random),
  U: (lower, upper, random) => lower + (upper - lower) * random(),
  DU: (lower, upper, random) => Math.floor(lower + (upper - lower + 1) * random()),
  // Failures before the n-th success.
  NB: (n, p, random) => (p === 1 ? 0 : poisson(gamma(n, (1 - p) / p, random), random)),
  G: gamma,
  LN(mean, std, random) {
    // Of the numbers, not of their logarithms.
    const variance = Math.log(1 + (std / mean) ** 2);
    return Math.exp(Math.log(mean) - variance / 2 + Math.sqrt(variance) * normal(random));
  },
};

/** The Box–Muller transform. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Marsaglia and Tsang's method. */
export function gamma(shape: number, scale: number, random: Random): number {
  if (shape < 1) return gamma(shape + 1, scale, random) * (1 - random()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random()) < x ** 2 / 2 + d * (1 - v + Math.log(v))) return d * v * scale;
  }
}

/** Counts arrivals of a Poisson process, which takes as many draws. */
function poisson(mean: number, random: Random): number {
  let count = -1;
  for (let time = 0; time < mean; count += 1) time -= Math.log(1 - random());
  return Math.max(0, count);
}
