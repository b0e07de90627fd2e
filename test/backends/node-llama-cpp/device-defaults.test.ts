import { describe, expect, it } from 'vitest';
import { defaultSequences, stepSize, threadCounts } from '../../../backends/node-llama-cpp/device-defaults.ts';

const GiB = 1024 ** 3;
const onCpu = { gpuLayers: 0, totalLayers: 33, gpuTotalBytes: 0 };
const partly = { gpuLayers: 20, totalLayers: 33, gpuTotalBytes: 8 * GiB };
const onGpu = { gpuLayers: 33, totalLayers: 33, gpuTotalBytes: 24 * GiB };

describe('a step', () => {
  it.each([
    ['a CPU', onCpu, undefined, { batchTokens: 512, promptShare: 0.25 }],
    ['a GPU that has all layers', onGpu, undefined, { batchTokens: 2048, promptShare: 1 }],
    ['a GPU with little memory', { ...onGpu, gpuTotalBytes: 4 * GiB }, undefined, { batchTokens: 512, promptShare: 1 }],
    ['a GPU and the CPU', partly, undefined, { batchTokens: 512, promptShare: 0.25 }],
    ['a CPU, as asked for', onCpu, 64, { batchTokens: 64, promptShare: 0.25 }],
    ['a GPU, as asked for', onGpu, 64, { batchTokens: 64, promptShare: 1 }],
  ])('on %s', (_, placement, asked, step) => {
    expect(stepSize(asked, placement)).toEqual(step);
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
  const none = { threads: undefined, threadsBatch: undefined };
  const cpu = { compute: 16, decode: 16 };

  it('are those of the CPU where it computes', () => {
    expect(threadCounts(none, onCpu, { compute: 16, decode: 1 }, 8)).toEqual({ threads: 1, threadsBatch: 16 });
    expect(threadCounts(none, partly, cpu, 8)).toEqual({ threads: 16, threadsBatch: 16 });
  });

  it('are no more than rows to sample where a GPU has all layers, and leave a CPU to the event loop', () => {
    expect(threadCounts(none, onGpu, cpu, 4)).toEqual({ threads: 4, threadsBatch: 4 });
    expect(threadCounts(none, onGpu, cpu, 64)).toEqual({ threads: 15, threadsBatch: 15 });
    expect(threadCounts(none, onGpu, { compute: 1, decode: 1 }, 64)).toEqual({ threads: 1, threadsBatch: 1 });
  });

  it('are what is asked for', () => {
    expect(threadCounts({ threads: 3, threadsBatch: undefined }, onGpu, cpu, 64)).toEqual({
      threads: 3,
      threadsBatch: 3,
    });
    expect(threadCounts({ threads: 3, threadsBatch: 5 }, onCpu, cpu, 8)).toEqual({ threads: 3, threadsBatch: 5 });
  });
});
