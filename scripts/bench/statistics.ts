/** The median of `values`; NaN if there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2;
}

/**
 * The times without an event between `from` and `to`, in their unit and order. `times` ascend; those outside the interval
 * are left out, and its two ends count as events.
 */
export function gapsWithin(times: readonly number[], from: number, to: number): number[] {
  const within = [from, ...times.filter((time) => time > from && time < to), to];
  return within.slice(1).map((time, i) => time - (within[i] ?? time));
}

/** The longest of `gapsWithin`. */
export function longestGap(times: readonly number[], from: number, to: number): number {
  return Math.max(...gapsWithin(times, from, to));
}
