import { elementCount } from '../gguf/layout.ts';
import type { GgufTensor } from '../gguf/layout.ts';

/** How many parameters the tensors of a file have. */
export interface ParameterCount {
  readonly total: number;
  /** In a mixture of experts: how many experts, and how many parameters one expert of each layer and all else have. */
  readonly experts: number;
  readonly active: number;
}

type Named = Pick<GgufTensor, 'name' | 'shape'>;

/** Counts the elements of tensors as gguf-py does, which knows stacked experts by their names. */
export function countParameters(tensors: readonly Named[]): ParameterCount {
  const total = sum(tensors.map(({ shape }) => elementCount(shape)));
  const stacked = tensors.filter(({ name, shape }) => name.includes('_exps.') && shape.length >= 3);
  const inExperts = sum(stacked.map(({ shape }) => elementCount(shape)));
  const perExpert = sum(stacked.map((tensor) => Math.floor(elementCount(tensor.shape) / expertsOf(tensor))));
  const experts = stacked.length === 0 ? 0 : Math.floor(sum(stacked.map(expertsOf)) / stacked.length);
  return { total, experts, active: total - inExperts + perExpert };
}

function expertsOf({ shape }: Named): number {
  return shape.at(-3) ?? 1;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** `general.size_label`: "27B", or "128x2.4B" for a mixture of experts. */
export function sizeLabel({ total, experts, active }: ParameterCount): string {
  return experts > 0 ? `${experts}x${roundedCount(active)}` : roundedCount(total);
}

/**
 * A count of parameters with at least two digits and the unit K, M, B or T, as gguf-py writes `general.size_label`:
 * 1,689,728 is "1.7M", 27,432,406,640 is "27B".
 */
export function roundedCount(parameterCount: number): string {
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
