import { memoryBudget, type MemorySize } from './memory-budget.ts';

/** A GPU that layers may go to. */
export interface GpuDevice extends MemorySize {
  readonly name: string;
}

/** The most of what is left for a model that its encoder may have: larger pictures are scaled down. */
const encoderShare = 1 / 4;

/**
 * What the vision encoder takes of its device beside the weights, of `budgetBytes`, if the largest picture is encoded in
 * `largestBytes`.
 */
export function encoderLimit(largestBytes: number, budgetBytes: number): number {
  return Math.min(largestBytes, Math.floor(Math.max(0, budgetBytes) * encoderShare));
}

/**
 * What a model and its context may take of each GPU. The projector and its encoder are on the first one alone. Nothing is
 * below zero.
 */
export function gpuBudgets(devices: readonly GpuDevice[], utilization: number, encoderBytes: number): number[] {
  return devices.map((device, i) => Math.max(0, memoryBudget(device, utilization, i === 0 ? encoderBytes : 0)));
}

/**
 * What a context may take of all GPUs together, where it takes of each in proportion to the layers that this one has: no
 * more than fits on the one that is full first.
 */
export function contextBudget(budgets: readonly number[], layers: readonly number[]): number {
  const total = layers.reduce((sum, count) => sum + count, 0);
  const bounds = budgets.flatMap((bytes, i) => {
    const count = layers[i] ?? 0;
    return count === 0 ? [] : [(bytes * total) / count];
  });
  return bounds.length === 0 ? 0 : Math.min(...bounds);
}

/** Bytes on the GPUs and in main memory. */
export interface MemoryUse {
  readonly gpuVram: number;
  readonly cpuRam: number;
}

/**
 * What a context takes, measured by the memory that it fills first: in bytes of the GPUs, of which `budgets.gpuVram` are
 * there. Of a model that only part of is on the GPUs, the rest has its cells in main memory.
 */
export function boundingBytes(use: MemoryUse, budgets: MemoryUse): number {
  if (use.cpuRam <= 0 || budgets.gpuVram <= 0) return use.gpuVram;
  return Math.max(use.gpuVram, (use.cpuRam / Math.max(1, budgets.cpuRam)) * budgets.gpuVram);
}

/**
 * The most layers, from 0 to `totalLayers`, whose weights and context fit on `deviceCount` GPUs with `budgetBytes` together.
 * Layers are not divided: of several GPUs, each but one may have to leave the room of one empty. `estimateBytes` grows with
 * the layers.
 */
export async function mostLayers(
  totalLayers: number,
  budgetBytes: number,
  deviceCount: number,
  estimateBytes: (layers: number) => Promise<number>,
): Promise<number> {
  const fits = async (layers: number): Promise<boolean> => {
    const bytes = await estimateBytes(layers);
    return bytes + ((deviceCount - 1) * bytes) / layers <= budgetBytes;
  };
  if (await fits(totalLayers)) return totalLayers;
  let [fitting, tooMany] = [0, totalLayers];
  while (tooMany - fitting > 1) {
    const middle = Math.floor((fitting + tooMany) / 2);
    if (await fits(middle)) fitting = middle;
    else tooMany = middle;
  }
  return fitting;
}
