import { describe, expect, it } from 'vitest';
import { automaticThreads, defaultSequences, stepTokens } from '../../../backends/node-llama-cpp/device-defaults.ts';

const GiB = 1024 ** 3;
const onCpu = { gpuLayers: 0, totalLayers: 33, gpuTotalBytes: 0 };
const partly = { gpuLayers: 20, totalLayers: 33, gpuTotalBytes: 8 * GiB };
const onGpu = { gpuLayers: 33, totalLayers: 33, gpuTotalBytes: 24 * GiB };

describe('a step', () => {
  it.each([
    ['a CPU', onCpu, undefined, 512],
    ['a GPU that has all layers', onGpu, undefined, 2048],
    ['a GPU with little memory', { ...onGpu, gpuTotalBytes: 4 * GiB }, undefined, 512],
    ['a GPU and the CPU', partly, undefined, 512],
    ['either, as asked for', onGpu, 64, 64],
  ])('on %s', (_, placement, asked, tokens) => {
    expect(stepTokens(asked, placement)).toBe(tokens);
  });
});

it.each([
  ['a CPU', onCpu, 8],
  ['a GPU of a laptop', partly, 16],
  ['a GPU of a workstation', { ...onGpu, gpuTotalBytes: 47.5 * GiB }, 32],
  ['a GPU of a data centre', { ...onGpu, gpuTotalBytes: 79.6 * GiB }, 64],
])('%s has as many conversations at a time as its memory is made for', (_, placement, sequences) => {
  expect(defaultSequences(placement)).toBe(sequences);
});

describe('threads', () => {
  const cpu = { compute: 16, decode: 16 };

  it('are those that suit the CPU where it computes, and fewer beside busy programs', () => {
    expect(automaticThreads(onCpu, { compute: 16, decode: 1 }, 8)).toEqual({ decode: 1, compute: 16, adapt: true });
    expect(automaticThreads(partly, cpu, 8)).toEqual({ decode: 16, compute: 16, adapt: true });
  });

  it('are no more than rows to sample where a GPU has all layers, and leave a CPU to the event loop', () => {
    expect(automaticThreads(onGpu, cpu, 4)).toEqual({ decode: 4, compute: 4, adapt: false });
    expect(automaticThreads(onGpu, cpu, 64)).toEqual({ decode: 15, compute: 15, adapt: false });
    expect(automaticThreads(onGpu, { compute: 1, decode: 1 }, 64)).toEqual({ decode: 1, compute: 1, adapt: false });
  });
});
