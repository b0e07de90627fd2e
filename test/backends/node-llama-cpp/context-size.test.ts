import { describe, expect, it } from 'vitest';
import { fitContext } from '../../../backends/node-llama-cpp/context-size.ts';
import { memoryBudget } from '../../../backends/node-llama-cpp/memory-budget.ts';

/** A kilobyte a cell, and a megabyte for each sequence. */
async function estimateBytes(cells: number, sequences: number): Promise<number> {
  return cells * 1000 + sequences * 1e6;
}

const wanted = {
  trainedLength: 8192,
  maxLength: undefined,
  maxSequences: undefined,
  defaultSequences: 8,
  estimateBytes,
};

describe('fitting a context to memory', () => {
  it('gives every sequence its full length where there is room', async () => {
    expect(await fitContext({ ...wanted, budgetBytes: 1e9 })).toEqual({
      maxLength: 8192,
      maxSequences: 8,
      cells: 65_536,
      bytes: 65_536_000 + 8e6,
    });
  });

  it('lets the sequences share fewer cells first', async () => {
    const size = await fitContext({ ...wanted, budgetBytes: 30e6 });
    expect(size).toMatchObject({ maxLength: 8192, maxSequences: 8, cells: 16_384 });
  });

  it('then takes fewer sequences, and then a shorter length', async () => {
    expect(await fitContext({ ...wanted, budgetBytes: 11e6 })).toMatchObject({ maxLength: 8192, maxSequences: 2 });
    expect(await fitContext({ ...wanted, budgetBytes: 4e6 })).toMatchObject({ maxLength: 2048, maxSequences: 1 });
  });

  it('keeps what the user asked for', async () => {
    const asked = { ...wanted, maxLength: 4096, maxSequences: 6 };
    expect(await fitContext({ ...asked, budgetBytes: 1 })).toMatchObject({
      maxLength: 4096,
      maxSequences: 6,
      cells: 4096,
    });
  });

  it('never goes below a length that can hold a conversation', async () => {
    expect(await fitContext({ ...wanted, budgetBytes: 0 })).toMatchObject({ maxLength: 512, cells: 512 });
  });
});

describe('the memory budget', () => {
  it('leaves the part of the device that may not be used, and what is spoken for', () => {
    const device = { totalBytes: 24e9, freeBytes: 20e9 };
    expect(memoryBudget(device, 0.9, 5e9)).toBeCloseTo(12.6e9);
    expect(memoryBudget(device, 1, 0)).toBe(20e9);
  });
});
