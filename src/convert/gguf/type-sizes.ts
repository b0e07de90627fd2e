import { elementCount } from './layout.ts';

/** A tensor type of ggml: how many bytes a block of how many elements takes (ggml.h, ggml-common.h). */
export interface TypeSize {
  readonly name: string;
  readonly blockElements: number;
  readonly blockBytes: number;
}

const rows: readonly (readonly [number, string, number, number])[] = [
  [0, 'F32', 1, 4],
  [1, 'F16', 1, 2],
  [2, 'Q4_0', 32, 18],
  [3, 'Q4_1', 32, 20],
  [6, 'Q5_0', 32, 22],
  [7, 'Q5_1', 32, 24],
  [8, 'Q8_0', 32, 34],
  [10, 'Q2_K', 256, 84],
  [11, 'Q3_K', 256, 110],
  [12, 'Q4_K', 256, 144],
  [13, 'Q5_K', 256, 176],
  [14, 'Q6_K', 256, 210],
  [16, 'IQ2_XXS', 256, 66],
  [17, 'IQ2_XS', 256, 74],
  [18, 'IQ3_XXS', 256, 98],
  [19, 'IQ1_S', 256, 50],
  [20, 'IQ4_NL', 32, 18],
  [21, 'IQ3_S', 256, 110],
  [22, 'IQ2_S', 256, 82],
  [23, 'IQ4_XS', 256, 136],
  [24, 'I8', 1, 1],
  [25, 'I16', 1, 2],
  [26, 'I32', 1, 4],
  [27, 'I64', 1, 8],
  [28, 'F64', 1, 8],
  [29, 'IQ1_M', 256, 56],
  [30, 'BF16', 1, 2],
  [34, 'TQ1_0', 256, 54],
  [35, 'TQ2_0', 256, 66],
  [39, 'MXFP4', 32, 17],
];

/** The types that a GGUF file may have, by their number in it. */
export const typesById: ReadonlyMap<number, TypeSize> = new Map(
  rows.map(([id, name, blockElements, blockBytes]) => [id, { name, blockElements, blockBytes }]),
);

const typesByName: ReadonlyMap<string, TypeSize> = new Map([...typesById.values()].map((type) => [type.name, type]));

/** The bytes of a tensor in a type, padded as in a GGUF file; whole rows of blocks are assumed. */
export function tensorBytes(type: string, shape: readonly number[]): number {
  const { blockElements, blockBytes } = typesByName.get(type) ?? { blockElements: 1, blockBytes: 4 };
  return Math.ceil(((elementCount(shape) / blockElements) * blockBytes) / 32) * 32;
}

/** Whether rows of that many elements are whole blocks of a type. */
export function fitsBlocks(type: string, rowElements: number): boolean {
  return rowElements % (typesByName.get(type)?.blockElements ?? 1) === 0;
}
