/** The unquantized precisions: max serve's names, and those of GGUF. */
export const shortByLong = { float32: 'f32', float16: 'f16', bfloat16: 'bf16' } as const;

type LongPrecision = keyof typeof shortByLong;

export const longPrecisions = Object.keys(shortByLong) as readonly LongPrecision[];

export const longByShort: Readonly<Record<string, LongPrecision>> = Object.fromEntries(
  longPrecisions.map((long) => [shortByLong[long], long]),
);
