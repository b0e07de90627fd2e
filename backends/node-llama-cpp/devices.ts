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
 * already allows. Throws `device_unavailable` for an index beyond those.
 */
export function restrictToDevices(indices: readonly number[]): void {
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
