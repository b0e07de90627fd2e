import { quantizedTypes } from '../backend/index.ts';
import type { QuantizedType } from '../backend/index.ts';
import type { FixedOuttype, Outtype } from '../conversion/index.ts';

/** A precision that a model can be made with. Those that the converter does not write, a quantizer makes. */
export type Precision = FixedOuttype | QuantizedType;

/** What a checkpoint is to be made into. */
export interface AskedPrecisions {
  /** `auto`: the best that fits the memory. */
  readonly precision: Precision | 'auto';
  /** `auto`: as the model, but half precision beside quantized weights: it is small, and sees for all of them. */
  readonly mmprojOuttype: Outtype;
}

/** Every precision, the best first. */
export const precisions: readonly Precision[] = ['f32', 'bf16', 'f16', ...quantizedTypes];
