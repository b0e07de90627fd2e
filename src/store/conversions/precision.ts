import { quantizedTypes } from '../../backend/index.ts';
import type { QuantizedType } from '../../backend/index.ts';
import type { FixedOuttype, Outtype } from '../../conversion/index.ts';
import { VserveError } from '../../errors/index.ts';

/** A precision that a checkpoint can be converted to, by the converter itself or by a quantizer. */
export type Precision = FixedOuttype | QuantizedType;

/** Every precision, best first. */
export const precisions: readonly Precision[] = ['f32', 'bf16', 'f16', ...quantizedTypes];

/** The requested types: what a checkpoint is converted to, or which of several GGUF files to take. */
export interface AskedPrecisions {
  /** `auto`: the best that fits the memory. A `Precision`, or another type that GGUF files are named by (`iq4_xs`). */
  readonly precision: string;
  /** `auto`: as the model, but half precision beside quantized weights, since it is small and affects every answer. */
  readonly mmprojOuttype: Outtype;
}

/** Whether a checkpoint can be converted to a type. */
export function isPrecision(name: string): name is Precision {
  return precisions.some((precision) => precision === name);
}

/** llama.cpp's other names of two precisions. */
const ALIASES: ReadonlyMap<string, Precision> = new Map([
  ['q4_k', 'q4_k_m'],
  ['q5_k', 'q5_k_m'],
]);

/** The precision that a requested type stands for; undefined for one that only GGUF files have. */
export function precisionNamed(asked: string): Precision | 'auto' | undefined {
  return asked === 'auto' || isPrecision(asked) ? asked : ALIASES.get(asked);
}

/** Throws `invalid_setting` for a type that a checkpoint cannot be converted to. */
export function requirePrecision(asked: string): Precision | 'auto' {
  const precision = precisionNamed(asked);
  if (precision !== undefined) return precision;
  throw new VserveError(
    'invalid_setting',
    `A checkpoint cannot be converted to ${asked}, which only selects a GGUF file. For checkpoints --quantization-encoding takes auto, ${precisions.join(', ')}.`,
    { param: 'quantizationEncoding' },
  );
}
