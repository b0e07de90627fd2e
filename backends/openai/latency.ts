import type { Distribution } from '../../src/backend/index.ts';

const BOUNDS_MS = [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000];

/** How long something took, counted in ranges. */
export class Latency {
  readonly #counts = BOUNDS_MS.map(() => 0).concat(0);
  #sum = 0;

  observe(ms: number): void {
    const found = BOUNDS_MS.findIndex((bound) => ms <= bound);
    const range = found === -1 ? BOUNDS_MS.length : found;
    this.#counts[range] = (this.#counts[range] ?? 0) + 1;
    this.#sum += ms;
  }

  get distribution(): Distribution {
    return { bounds: BOUNDS_MS, counts: [...this.#counts], sum: this.#sum };
  }
}
