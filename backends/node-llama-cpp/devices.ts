import { VserveError } from '../../src/errors/index.ts';

/** What `--devices` asks for. `indices` picks among the GPUs; undefined takes all. */
export interface DeviceChoice {
  readonly gpu: 'auto' | 'require' | 'never';
  readonly indices: readonly number[] | undefined;
}

/** Reads `auto`, `cpu`, `gpu`, `gpu:all` or `gpu:0,1`. Throws `invalid_setting`. */
export function parseDevices(devices: string): DeviceChoice {
  if (devices === 'auto') return { gpu: 'auto', indices: undefined };
  if (devices === 'cpu') return { gpu: 'never', indices: undefined };
  if (devices === 'gpu' || devices === 'gpu:all') return { gpu: 'require', indices: undefined };
  const list = /^gpu:(\d+(?:,\d+)*)$/.exec(devices)?.[1];
  if (list === undefined) {
    throw new VserveError(
      'invalid_setting',
      `"${devices}" names no devices. Use auto, cpu, gpu, gpu:all, or a list such as gpu:0,1.`,
    );
  }
  return { gpu: 'require', indices: list.split(',').map(Number) };
}

/** The variables by which the drivers take a list of GPUs. They are read once, when a driver starts. */
const visibleDevices = ['CUDA_VISIBLE_DEVICES', 'GGML_VK_VISIBLE_DEVICES'] as const;

/**
 * Shows only the chosen GPUs to the drivers of this process. The indices count among the GPUs that the environment
 * already allows; without such a choice they are those of `nvidia-smi`, where CUDA's own order is by speed. Throws
 * `device_unavailable` for an index beyond those.
 */
export function restrictToDevices(indices: readonly number[]): void {
  if (process.env['CUDA_VISIBLE_DEVICES'] === undefined) process.env['CUDA_DEVICE_ORDER'] ??= 'PCI_BUS_ID';
  for (const name of visibleDevices) {
    const allowed = process.env[name]?.split(',').filter((device) => device !== '');
    const chosen = indices.map((index) => {
      const device = allowed === undefined ? String(index) : allowed[index];
      if (device === undefined) {
        throw new VserveError(
          'device_unavailable',
          `There is no GPU ${String(index)}: ${name} allows only ${String(allowed?.length)}.`,
        );
      }
      return device;
    });
    process.env[name] = chosen.join(',');
  }
}

/**
 * Checks that the chosen GPUs are those that llama.cpp found: CUDA ignores an index that it does not know, and Metal has no
 * such variable. Throws `device_unavailable`.
 */
export function checkDevices(indices: readonly number[], gpu: string, names: readonly string[]): void {
  const isMetal = gpu === 'metal';
  if (isMetal ? indices.every((index) => index === 0) : names.length === new Set(indices).size) return;
  const found = isMetal ? 'Metal has one, gpu:0' : `${gpu} found ${names.length === 0 ? 'none' : names.join(', ')}`;
  throw new VserveError(
    'device_unavailable',
    `--devices gpu:${indices.join(',')} names a GPU that is not there: ${found}. Use gpu to take all.`,
  );
}
