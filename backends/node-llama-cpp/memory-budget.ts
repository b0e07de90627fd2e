/** Memory of a device or of this machine. */
export interface MemorySize {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** What may still be taken of a device when `utilization` (0 to 1) of it may be used, and `neededBytes` are spoken for. */
export function memoryBudget({ totalBytes, freeBytes }: MemorySize, utilization: number, neededBytes: number): number {
  return freeBytes - (1 - utilization) * totalBytes - neededBytes;
}
