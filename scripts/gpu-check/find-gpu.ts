/**
 * Prints the GPU that vserve would use, as JSON on the last line: `{"driver", "names", "totalBytes", "kernelPath"}`. In a
 * process of its own, since llama.cpp's driver threads would keep the one that asks.
 */
import { readFileSync } from 'node:fs';
import { parseDevices } from '../../backends/node-llama-cpp/devices.ts';
import { startLlama } from '../../backends/node-llama-cpp/llama-model.ts';
import { messageOf } from '../../src/errors/index.ts';

/** What is known of the GPU. */
export interface Gpu {
  readonly driver: string;
  readonly names: readonly string[];
  readonly totalBytes: number;
  /** The library of kernels that this machine's driver runs. */
  readonly kernelPath: string;
}

async function findGpu(): Promise<Gpu> {
  const llama = await startLlama(parseDevices('gpu'), { log: () => undefined, signal: new AbortController().signal });
  const driver = String(llama.gpu);
  const names = await llama.getGpuDeviceNames();
  const { total } = await llama.getVramState();
  const mapped = readFileSync('/proc/self/maps', 'utf8').match(new RegExp(`/\\S*/libggml-${driver}\\.so`));
  if (mapped === null) throw new Error(`node-llama-cpp loaded no library libggml-${driver}.so.`);
  return { driver, names, totalBytes: total, kernelPath: mapped[0] };
}

try {
  console.log(JSON.stringify(await findGpu()));
  process.exit(0);
} catch (error) {
  console.error(messageOf(error));
  process.exit(1);
}
