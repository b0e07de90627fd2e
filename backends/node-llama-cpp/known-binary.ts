import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { dryRunProgram } from './addon-loader.ts';
import type { DeviceChoice } from './devices.ts';
import { findingKey, Findings } from './findings.ts';

/** What a driver puts there for every GPU that a program can use (Linux). */
const gpuDevices = ['/dev/dri', '/dev/nvidiactl', '/dev/nvidia0', '/dev/nvmap', '/dev/kfd', '/dev/dxg'];

/** Whether there could be a GPU for this choice, as far as a look at the system tells. */
export function mayUseGpu({ gpu }: DeviceChoice): boolean {
  if (gpu !== 'auto') return gpu === 'require';
  return process.platform !== 'linux' || gpuDevices.some((path) => existsSync(path));
}

/**
 * The folder of llama.cpp's binary for the CPU, where that can be opened without node-llama-cpp's own test of it, in a process
 * of its own, which takes as long as starting this one. Undefined elsewhere, and where it is not built.
 */
export function cpuBinaryFolder(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return dryRunProgram().libraryDir;
  } catch {
    return undefined; // that it is not built is told elsewhere
  }
}

/** Whether the binary of the CPU has run here before, and is unchanged. */
export async function isKnownBinary(cacheFolder: string | undefined): Promise<boolean> {
  const folder = cpuBinaryFolder();
  if (folder === undefined || cacheFolder === undefined) return false;
  return (await new Findings(cacheFolder).find(await keyOf(folder))) === true;
}

/** The binary of the CPU works here. */
export async function rememberBinary(cacheFolder: string | undefined): Promise<void> {
  const folder = cpuBinaryFolder();
  if (folder === undefined || cacheFolder === undefined) return;
  await new Findings(cacheFolder).keep(await keyOf(folder), true);
}

async function keyOf(folder: string): Promise<string> {
  const files = (await readdir(folder)).filter((name) => /\.(node|so|json)/.test(name));
  return findingKey(
    files.map((name) => join(folder, name)),
    ['binary', process.version],
  );
}
