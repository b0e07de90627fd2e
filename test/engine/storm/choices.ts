import { createHash } from 'node:crypto';
import { randomBits } from '../../reference/random.ts';

/** Seeded choices: the same seed makes the same ones. */
export class Choices {
  readonly #next: () => number;

  /** The parts of the seed name what is chosen: `7, 'shapes-vlm', 'round', 3`. */
  constructor(...seed: readonly (number | string)[]) {
    this.#next = randomBits(createHash('sha256').update(JSON.stringify(seed)).digest().readInt32LE());
  }

  /** True with a probability of `share`. */
  chance(share: number): boolean {
    return this.#next() / 2 ** 32 < share;
  }

  /** An integer from `least` to `most`. */
  integer(least: number, most: number): number {
    return least + (this.#next() % (most - least + 1));
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.#next() % values.length];
    if (value === undefined) throw new Error('There is nothing to choose from');
    return value;
  }
}
