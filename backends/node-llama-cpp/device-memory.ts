import type { Llama } from 'node-llama-cpp';
import type { DeviceMemory, LoadOptions } from '../../src/backend/index.ts';
import { parseDevices } from './devices.ts';
import { isKnownBinary, mayUseGpu } from './known-binary.ts';
import { machineMemory } from './machine-memory.ts';
import type { MemorySize } from './memory-budget.ts';

/** The memory that a model on these devices would be loaded into. Throws `device_unavailable`, `native_addon_missing`. */
export async function deviceMemory(
  devices: string,
  options: Pick<LoadOptions, 'log' | 'signal' | 'cacheFolder'>,
): Promise<DeviceMemory> {
  const choice = parseDevices(devices);
  if (!mayUseGpu(choice) && (await isKnownBinary(options.cacheFolder)))
    return { device: 'cpu', freeBytes: (await machineMemory()).freeBytes };
  const { startLlama } = await import('./llama-model.ts');
  const llama = await startLlama(choice, options);
  if (llama.gpu === false) return { device: 'cpu', freeBytes: (await machineMemory()).freeBytes };
  const { freeBytes } = await gpuMemory(llama);
  return { device: `${llama.gpu}: ${(await llama.getGpuDeviceNames()).join(', ')}`, freeBytes };
}

/** The memory of all GPUs together. */
export async function gpuMemory(llama: Llama): Promise<MemorySize> {
  const { total, free } = await llama.getVramState();
  return { totalBytes: total, freeBytes: free };
}
