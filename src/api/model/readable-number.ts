/** Significant digits of a 32-bit float. */
const DIGITS = 7;

/** A number as people wrote it: 0.7 for the 0.699999988079071 that a 32-bit float of 0.7 is. Other values as they are. */
export function readable(value: unknown): unknown {
  if (typeof value !== 'number' || !Number.isFinite(value) || Number.isInteger(value)) return value;
  return Number(value.toPrecision(DIGITS));
}
