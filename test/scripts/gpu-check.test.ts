import { expect, test } from 'vitest';
import { architecturesOf } from '../../scripts/gpu-check/cuda-compiler.ts';

test('Kernels are compiled for the GPUs that the driver names, each kind once', () => {
  expect(architecturesOf('9.0\n9.0\n12.0\n')).toBe('90-real;120-real');
  expect(architecturesOf(' 8.6 \n')).toBe('86-real');
  expect(architecturesOf("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n")).toBe('');
});
