import type { FixedOuttype } from '../conversion/index.ts';
import type { GgmlType } from './gguf/ggml-types.ts';

export { outtypes } from '../conversion/index.ts';
export type { FixedOuttype, Outtype } from '../conversion/index.ts';

/** For each output type the type of a matrix and the value of `general.file_type` (`llama_ftype` in llama.h). */
export const outtypeTraits = {
  f32: { type: 'F32', fileType: 0 },
  f16: { type: 'F16', fileType: 1 },
  bf16: { type: 'BF16', fileType: 32 },
  q8_0: { type: 'Q8_0', fileType: 7 },
} as const satisfies Record<FixedOuttype, { type: GgmlType; fileType: number }>;
