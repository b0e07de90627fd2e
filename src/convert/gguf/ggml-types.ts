/** A tensor type: its number in a GGUF file, and how many bytes a block of how many elements takes (ggml.h). */
interface GgmlTypeTraits {
  readonly id: number;
  readonly blockElements: number;
  readonly blockBytes: number;
}

export const ggmlTypes = {
  F32: { id: 0, blockElements: 1, blockBytes: 4 },
  F16: { id: 1, blockElements: 1, blockBytes: 2 },
  Q8_0: { id: 8, blockElements: 32, blockBytes: 34 },
  BF16: { id: 30, blockElements: 1, blockBytes: 2 },
} as const satisfies Record<string, GgmlTypeTraits>;

export type GgmlType = keyof typeof ggmlTypes;

/** Bytes that `elements` elements (whole blocks) take in `type`. */
export function byteLengthOf(type: GgmlType, elements: number): number {
  const { blockElements, blockBytes } = ggmlTypes[type];
  return (elements / blockElements) * blockBytes;
}
