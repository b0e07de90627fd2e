import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { checkDevices, restrictToDevices } from '../../../backends/node-llama-cpp/devices.ts';

describe('choosing GPUs by number', () => {
  beforeEach(() => {
    for (const name of ['CUDA_VISIBLE_DEVICES', 'GGML_VK_VISIBLE_DEVICES', 'CUDA_DEVICE_ORDER'])
      vi.stubEnv(name, undefined);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("counts as nvidia-smi does, where CUDA's own order is by speed", () => {
    restrictToDevices([1, 2]);
    expect(process.env).toMatchObject({ CUDA_VISIBLE_DEVICES: '1,2', CUDA_DEVICE_ORDER: 'PCI_BUS_ID' });
  });

  it('leaves the order alone that the user chose', () => {
    vi.stubEnv('CUDA_DEVICE_ORDER', 'FASTEST_FIRST');
    restrictToDevices([1]);
    expect(process.env['CUDA_DEVICE_ORDER']).toBe('FASTEST_FIRST');
  });

  it('leaves the order alone in which the user chose GPUs, and counts among those', () => {
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '3,GPU-8c1d');
    restrictToDevices([1]);
    expect(process.env['CUDA_DEVICE_ORDER']).toBeUndefined();
    expect(process.env['CUDA_VISIBLE_DEVICES']).toBe('GPU-8c1d');
  });

  it.each([
    [[0], 'metal', ['Apple M3']],
    [[0, 1], 'cuda', ['NVIDIA A', 'NVIDIA B']],
    [[3], 'vulkan', ['llvmpipe']],
  ] as const)('takes %o of %s', (indices, gpu, names) => {
    expect(() => {
      checkDevices(indices, gpu, names);
    }).not.toThrow();
  });

  it.each([
    [[1], 'metal', ['Apple M3'], 'Metal has one, gpu:0'],
    [[0, 7], 'cuda', ['NVIDIA A'], 'cuda found NVIDIA A'],
  ] as const)('refuses %o of %s, of which one is not there', (indices, gpu, names, reason) => {
    expect(() => {
      checkDevices(indices, gpu, names);
    }).toThrow(
      expect.objectContaining({ code: 'device_unavailable', message: expect.stringContaining(reason) as unknown }),
    );
  });
});
