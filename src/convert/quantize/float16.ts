const bitsOf = new Uint32Array(1);
const valueOf = new Float32Array(bitsOf.buffer);

/**
 * The IEEE 754 half-precision bits nearest to a single-precision number, given as its bits: ties to even, overflow to
 * infinity, subnormals kept. A NaN keeps its sign and the upper bits of its payload, as in numpy.
 */
export function float16FromBits(bits: number): number {
  const sign = (bits >>> 16) & 0x80_00;
  const magnitude = bits & 0x7f_ff_ff_ff;
  if (magnitude > 0x7f_80_00_00) return sign | Math.max(0x7c_00 | ((magnitude & 0x7f_ff_ff) >>> 13), 0x7c_01);
  if (magnitude >= 0x47_80_00_00) return sign | 0x7c_00; // 2^16 and up, infinity included
  if (magnitude >= 0x38_80_00_00) {
    // A normal half: rebias the exponent; a carry out of the mantissa rightly becomes the next power of two.
    return sign | ((magnitude - 0x38_00_00_00 + 0x0f_ff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  if (magnitude <= 0x33_00_00_00) return sign; // at most half the least subnormal
  const shift = 126 - (magnitude >>> 23);
  const mantissa = (magnitude & 0x7f_ff_ff) | 0x80_00_00;
  const half = 1 << (shift - 1);
  const rest = mantissa & ((half << 1) - 1);
  const truncated = mantissa >>> shift;
  return sign | (truncated + (rest > half || (rest === half && (truncated & 1) === 1) ? 1 : 0));
}

/** The half-precision bits nearest to `value`, which is first rounded to single precision. */
export function float16FromNumber(value: number): number {
  valueOf[0] = value;
  return float16FromBits(bitsOf[0] ?? 0);
}

/** The single-precision bits of each of the 65,536 half-precision numbers. */
export function float32BitsOfHalves(): Uint32Array {
  return Uint32Array.from({ length: 0x1_00_00 }, (_, half) => {
    const sign = (half & 0x80_00) << 16;
    const exponent = (half >>> 10) & 0x1f;
    const mantissa = half & 0x3_ff;
    if (exponent === 0x1f) return (sign | 0x7f_80_00_00 | (mantissa << 13)) >>> 0;
    if (exponent > 0) return (sign | ((exponent + 112) << 23) | (mantissa << 13)) >>> 0;
    valueOf[0] = mantissa * 2 ** -24;
    return (sign | (bitsOf[0] ?? 0)) >>> 0;
  });
}
