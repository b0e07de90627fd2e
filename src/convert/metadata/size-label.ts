/**
 * A count of parameters with at least two digits and the unit K, M, B or T, as gguf-py writes `general.size_label`:
 * 1,689,728 is "1.7M", 27,432,406,640 is "27B".
 */
export function sizeLabel(parameterCount: number): string {
  const [unit, scale] =
    parameterCount > 1e12
      ? ['T', 1e-12]
      : parameterCount > 1e9
        ? ['B', 1e-9]
        : parameterCount > 1e6
          ? ['M', 1e-6]
          : ['K', 1e-3];
  const scaled = parameterCount * scale;
  const digits = fixed(scaled, 0).replace(/^0+/, '').length;
  return `${fixed(scaled, Math.max(2 - digits, 0))}${unit}`;
}

/** Like `toFixed`, but a number exactly between two others goes to the even one, as Python formats it. */
function fixed(value: number, digits: number): string {
  const shifted = value * 10 ** digits;
  const isTie = Number.isInteger(value * 2 ** (digits + 1)) && shifted % 1 === 0.5;
  if (!isTie) return value.toFixed(digits);
  const below = Math.floor(shifted);
  return ((below % 2 === 0 ? below : below + 1) / 10 ** digits).toFixed(digits);
}
