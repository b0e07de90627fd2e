import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const sourceDir = join(import.meta.dirname, '../../../backends/node-llama-cpp/native/src');

interface Encoding {
  readonly interruptions: number;
  readonly longestGroupMs: number;
}

/** How often the encoder is interrupted, from what its nodes take: run in a small program of its own. */
describe.skipIf(process.platform === 'win32')('interrupting the encoder', () => {
  let folder: string;
  let program: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vserve-encoder-pace-'));
    program = join(folder, 'check');
    const sources = [join(import.meta.dirname, 'encoder-pace-check.cpp'), join(sourceDir, 'encoder-pace.cpp')];
    execFileSync(process.env['CXX'] ?? 'c++', ['-std=c++17', '-Wall', `-I${sourceDir}`, ...sources, '-o', program]);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** Encodes pictures of `[nodes, ms a node]`, one after the other. */
  function encode(device: 'cpu' | 'gpu', ...pictures: readonly (readonly [number, number])[]): Encoding[] {
    const output = execFileSync(program, [device, ...pictures.flat().map(String)], { encoding: 'utf8' });
    return output
      .trim()
      .split('\n')
      .map((line) => {
        const [interruptions = NaN, longestGroupMs = NaN] = line.split(' ').map(Number);
        return { interruptions, longestGroupMs };
      });
  }

  it.each([
    ['a small picture on a fast GPU', 900, 0.01],
    ['a usual one', 900, 0.1],
    ['a large one', 900, 3],
    ['a small picture on a slow GPU', 900, 0.5],
  ])('on a GPU costs at most 2 %% but for a few times at first, and comes every 30 ms: %s', (_, nodes, nodeMs) => {
    const [picture] = encode('gpu', [nodes, nodeMs]);
    expect(picture?.longestGroupMs).toBeLessThanOrEqual(30);
    expect(picture?.interruptions).toBeLessThanOrEqual((nodes * nodeMs) / 5 + 7);
  });

  it('on a GPU with nodes of 50 ms comes after every node, once the first group showed it', () => {
    expect(encode('gpu', [100, 50])).toEqual([{ interruptions: 91, longestGroupMs: 500 }]);
  });

  it('is as frequent in a large picture whatever came before it', () => {
    const [, after] = encode('gpu', [900, 0.001], [900, 3]);
    expect(after).toEqual(encode('gpu', [900, 3])[0]);
  });

  it('on a CPU comes after every ten nodes', () => {
    expect(encode('cpu', [900, 0.01], [900, 10])).toEqual([
      { interruptions: 90, longestGroupMs: 0.1 },
      { interruptions: 90, longestGroupMs: 100 },
    ]);
  });
});
