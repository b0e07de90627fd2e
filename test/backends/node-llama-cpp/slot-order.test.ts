import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const nativeDir = join(import.meta.dirname, '../../../backends/node-llama-cpp/native');
const llamaCpp = join(nativeDir, 'build/llama.cpp');

/** The C++ function that closes gaps between slots, run in a small program of its own. */
describe.skipIf(process.platform === 'win32')('the order of slots', () => {
  let folder: string;
  let program: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vserve-slot-order-'));
    program = join(folder, 'check');
    const includes = ['include', 'ggml/include'].map((path) => `-I${join(llamaCpp, path)}`);
    const sources = [join(import.meta.dirname, 'slot-order-check.cpp'), join(nativeDir, 'src/slot-order.cpp')];
    const options = ['-std=c++17', '-Wall', '-Wextra', ...includes, `-I${join(nativeDir, 'src')}`];
    execFileSync(process.env['CXX'] ?? 'c++', [...options, ...sources, '-o', program]);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['stays where nothing is between the wanted slots', '9 +5 +5 9', '0 of 1'],
    ['fills a gap from the end that has less to move', '+50 0 +70 +20', '3-1 20 of 2'],
    ['fills it from the beginning where that has less', '+20 0 +70 +50', '0-1 20 of 2'],
    ['moves what is in the gap too', '+50 100 +70 +20', '3-1 120 of 2'],
    ['moves long contents last', '+10 0 +900 0 +10', '4-1 10 of 3'],
    ['needs nothing for a single slot, or none', '0 +5 0', '0 of 1'],
  ])('%s', (_, slots, expected) => {
    expect(execFileSync(program, slots.split(' '), { encoding: 'utf8' })).toBe(`${expected}\n`);
  });
});
