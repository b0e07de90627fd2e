/** The middle of `values` (of an even number of them, halfway between the two in the middle); NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2;
}

/**
 * The longest time without an event between `from` and `to`, in their unit. `times` ascend; those outside the interval
 * are left out, and its two ends count as events.
 */
export function longestGap(times: readonly number[], from: number, to: number): number {
  const within = [from, ...times.filter((time) => time > from && time < to), to];
  return Math.max(...within.slice(1).map((time, i) => time - (within[i] ?? time)));
}
