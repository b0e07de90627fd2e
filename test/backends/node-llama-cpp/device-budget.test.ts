import { describe, expect, it } from 'vitest';
import {
  boundingBytes,
  contextBudget,
  encoderLimit,
  gpuBudgets,
  mostLayers,
} from '../../../backends/node-llama-cpp/device-budget.ts';

const gpu = (totalBytes: number, freeBytes: number) => ({ name: 'GPU', totalBytes, freeBytes });

/** 33 layers of 300 MB, of which each takes 20 MB of context, and a compute buffer of 200 MB. */
const estimateBytes = async (layers: number): Promise<number> => (layers === 0 ? 0 : layers * 320e6 + 200e6);

describe('what is left of each GPU', () => {
  it('is each for itself: the projector and its encoder are on the first alone', () => {
    const budgets = gpuBudgets([gpu(24e9, 23e9), gpu(12e9, 11e9)], 0.9, 2e9);
    expect(budgets.map((bytes) => Math.round(bytes / 1e8) / 10)).toEqual([18.6, 9.8]);
  });

  it('is nothing where the weights leave less than is to stay free', () => {
    expect(gpuBudgets([gpu(80e9, 7e9)], 0.9, 1e9)).toEqual([0]);
  });

  it('holds a context only as far as the GPU that is full first', () => {
    // Half of the layers on a GPU that has 1 GB left, a third on one with 4 GB, the rest on none.
    expect(contextBudget([1e9, 4e9], [18, 12])).toBeCloseTo(1e9 / 0.6);
    expect(contextBudget([1e9, 4e9], [0, 30])).toBeCloseTo(4e9);
    expect(contextBudget([5e9], [33])).toBeCloseTo(5e9);
    expect(contextBudget([5e9], [0])).toBe(0);
  });
});

describe('a context of which the CPU has some layers', () => {
  it('is measured by the memory that it fills first', () => {
    const budgets = { gpuVram: 4e9, cpuRam: 8e9 };
    expect(boundingBytes({ gpuVram: 2e9, cpuRam: 1e9 }, budgets)).toBe(2e9);
    expect(boundingBytes({ gpuVram: 1e9, cpuRam: 6e9 }, budgets)).toBe(3e9);
    expect(boundingBytes({ gpuVram: 1e9, cpuRam: 1e9 }, { gpuVram: 4e9, cpuRam: 0 })).toBeGreaterThan(4e9);
  });
});

describe('the memory in which pictures are encoded', () => {
  it('is what the largest takes, up to a quarter of what there is', () => {
    expect(encoderLimit(0.5e9, 20e9)).toBe(0.5e9);
    expect(encoderLimit(6e9, 8e9)).toBe(2e9);
    expect(encoderLimit(6e9, -1e9)).toBe(0);
  });
});

describe('the layers of a model', () => {
  it.each([
    ['all, if they fit', 11e9, 1, 33],
    ['as many as fit', 5e9, 1, 15],
    ['one', 0.6e9, 1, 1],
    ['none, if a context would find no room', 0.5e9, 1, 0],
    ['none, if nothing is left', 0, 1, 0],
    ['all on two GPUs', 11.5e9, 2, 33],
    ['fewer on two GPUs that fit together only if a layer could be divided', 10.9e9, 2, 32],
  ])('on GPUs are %s', async (_, budgetBytes, devices, layers) => {
    expect(await mostLayers(33, budgetBytes, devices, estimateBytes)).toBe(layers);
  });

  it('are found with few estimates: each loads the header of the model', async () => {
    let estimates = 0;
    const counted = (layers: number): Promise<number> => {
      estimates++;
      return estimateBytes(layers);
    };
    await mostLayers(33, 5e9, 1, counted);
    expect(estimates).toBeLessThanOrEqual(7);
  });
});
