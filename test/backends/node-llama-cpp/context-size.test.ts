import { describe, expect, it } from 'vitest';
import { sharedContextBytes } from '../../../backends/node-llama-cpp/context-memory.ts';
import { type ContextLayout, fitContext } from '../../../backends/node-llama-cpp/context-size.ts';
import { memoryBudget } from '../../../backends/node-llama-cpp/memory-budget.ts';
import { loadShapes } from '../../support/shapes-engine.ts';

/** A kilobyte a cell, and a megabyte for each sequence. */
async function estimateBytes({ cells, sequences, separate }: ContextLayout): Promise<number> {
  return cells * (separate ? sequences : 1) * 1000 + sequences * 1e6;
}

const wanted = {
  trainedLength: 8192,
  maxLength: undefined,
  maxSequences: undefined,
  defaultSequences: 8,
  mostSeparateBytes: 0,
  estimateBytes,
};

describe('fitting a context to memory', () => {
  it('gives every sequence cells of its own for its full length where there is room', async () => {
    const bytes = 65_536_000 + 8e6;
    const separate = {
      maxLength: 8192,
      maxSequences: 8,
      separate: true,
      cells: 8192,
      bytes,
      separateLength: undefined,
    };
    expect(await fitContext({ ...wanted, budgetBytes: bytes })).toEqual(separate);
    expect(await fitContext({ ...wanted, budgetBytes: bytes - 1 })).toMatchObject({ separate: false });
  });

  it('clears no more memory at the start for separate cells than it would for shared ones, or than is allowed', async () => {
    const long = { ...wanted, trainedLength: 32_768, budgetBytes: 1e9 };
    const separate = 8 * 32_768_000 + 8e6;
    expect(await fitContext({ ...long, mostSeparateBytes: separate - 1 })).toMatchObject({
      maxLength: 32_768,
      separate: false,
      cells: 65_536,
      separateLength: 16_384,
    });
    expect(await fitContext({ ...long, mostSeparateBytes: separate })).toMatchObject({
      maxLength: 32_768,
      separate: true,
    });
    expect(await fitContext({ ...long, maxLength: 4096 })).toMatchObject({ maxLength: 4096, separate: true });
  });

  it('lets the sequences share fewer cells first', async () => {
    const size = await fitContext({ ...wanted, budgetBytes: 30e6 });
    expect(size).toMatchObject({ maxLength: 8192, maxSequences: 8, separate: false, cells: 16_384 });
  });

  it('then takes fewer sequences, and then a shorter length', async () => {
    expect(await fitContext({ ...wanted, budgetBytes: 11e6 })).toMatchObject({ maxLength: 8192, maxSequences: 2 });
    expect(await fitContext({ ...wanted, budgetBytes: 4e6 })).toMatchObject({ maxLength: 2048, maxSequences: 1 });
  });

  it('shortens a long context before it gives up sequences, and gives up none that take nothing', async () => {
    const long = { ...wanted, trainedLength: 131_072 };
    expect(await fitContext({ ...long, budgetBytes: 25e6 })).toMatchObject({ maxLength: 16_384, maxSequences: 8 });
    const cellsOnly = {
      ...long,
      estimateBytes: async ({ cells, sequences, separate }: ContextLayout) => cells * (separate ? sequences : 1) * 1000,
    };
    expect(await fitContext({ ...cellsOnly, budgetBytes: 5e6 })).toMatchObject({ maxLength: 4096, maxSequences: 8 });
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

describe('the memory of a context whose sequences share their cells', () => {
  const [windowCells, batchTokens, perCell, perState] = [1024, 512, 100, 5000];

  it('has a window for each sequence, and one batch', async () => {
    const estimate = async (cells: number, sequences: number, swaFullCache: boolean): Promise<number> =>
      sequences * perCell * (cells + (swaFullCache ? cells : Math.min(cells, windowCells + batchTokens)));
    const bytes = (cells: number, slots: number): Promise<number> =>
      sharedContextBytes({ cells, slots, windowCells, batchTokens }, estimate);
    expect(await bytes(65_536, 1)).toBe(perCell * (65_536 + 1536));
    expect(await bytes(65_536, 17)).toBeCloseTo(perCell * (65_536 + 17 * 1024 + 512));
    expect(await bytes(8192, 17)).toBeCloseTo(perCell * (8192 + 8192));
    expect(await bytes(1024, 4)).toBe(perCell * (1024 + 1024));
  });

  it('has a recurrent state for each sequence', async () => {
    const estimate = async (cells: number, sequences: number): Promise<number> =>
      sequences * (perCell * cells + perState);
    const bytes = await sharedContextBytes({ cells: 8192, slots: 9, windowCells: undefined, batchTokens }, estimate);
    expect(bytes).toBe(perCell * 8192 + 9 * perState);
  });
});

describe('the estimate for a context', () => {
  it.each([
    { layout: 'for each of 8 conversations', deviceMemoryUtilization: 0.9 },
    { layout: 'shared by up to 8', deviceMemoryUtilization: 0.01 },
  ])('is what llama.cpp then takes for its cells, $layout', async ({ layout, deviceMemoryUtilization }) => {
    const lines: string[] = [];
    const settings = { maxLength: 2048, maxBatchSize: 8, deviceMemoryUtilization };
    const model = await loadShapes(settings, { mmprojPath: undefined }, (line) => lines.push(line));
    await model.close();
    const log = lines.join('\n');
    expect(log).toContain(layout);
    const estimatedBytes = 1e6 * Number(log.match(/Context: .* at a time: ([\d.]+) MB/)?.[1]);
    const buffers = log.matchAll(/(?:output|KV|compute) buffer size = +([\d.]+) MiB/g);
    const takenBytes = [...buffers].reduce((sum, [, mebibytes]) => sum + Number(mebibytes) * 1024 ** 2, 0);
    expect(takenBytes).toBeGreaterThan(5e6);
    expect(estimatedBytes / takenBytes).toBeGreaterThan(0.9);
    expect(estimatedBytes / takenBytes).toBeLessThan(1.1);
  });
});

describe('the memory budget', () => {
  it('leaves the part of the device that may not be used, and what is spoken for', () => {
    const device = { totalBytes: 24e9, freeBytes: 20e9 };
    expect(memoryBudget(device, 0.9, 5e9)).toBeCloseTo(12.6e9);
    expect(memoryBudget(device, 1, 0)).toBe(20e9);
  });
});
