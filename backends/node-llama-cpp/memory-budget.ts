import { totalmem } from 'node:os';
import type { Llama } from 'node-llama-cpp';

/** The memory of a device, in bytes. */
export interface DeviceMemory {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** The GPUs' memory together, or this machine's, as far as this process (or its container) may use it. */
export async function deviceMemory(llama: Llama, onGpu: boolean): Promise<DeviceMemory> {
  if (onGpu) {
    const { total, free } = await llama.getVramState();
    return { totalBytes: total, freeBytes: free };
  }
  const limitBytes = process.constrainedMemory();
  const totalBytes = limitBytes > 0 ? Math.min(limitBytes, totalmem()) : totalmem();
  return { totalBytes, freeBytes: Math.min(process.availableMemory(), totalBytes) };
}

/** What may still be taken of a device when `utilization` (0 to 1) of it may be used, and `neededBytes` are spoken for. */
export function memoryBudget(
  { totalBytes, freeBytes }: DeviceMemory,
  utilization: number,
  neededBytes: number,
): number {
  return freeBytes - (1 - utilization) * totalBytes - neededBytes;
}
