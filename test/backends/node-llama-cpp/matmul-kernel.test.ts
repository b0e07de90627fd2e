import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const sourceDir = join(import.meta.dirname, '../../../backends/node-llama-cpp/native/src');
const compiler = process.env['CXX'] ?? 'c++';

it.skipIf(process.arch !== 'x64' || process.platform === 'win32')(
  'multiplies matrices of any size and type with every kernel that this CPU can run',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'vserve-matmul-'));
    try {
      const avx2 = ['-mavx2', '-mfma', '-mf16c'];
      const sources: [name: string, path: string, options: readonly string[]][] = [
        ['check', join(import.meta.dirname, 'matmul-kernel-check.cpp'), []],
        ['avx2', join(sourceDir, 'matmul-kernel-avx2.cpp'), avx2],
        ['avx512', join(sourceDir, 'matmul-kernel-avx512.cpp'), [...avx2, '-mavx512f']],
      ];
      const objects = sources.map(([name, path, options]) => {
        const object = join(folder, `${name}.o`);
        const definitions = ['-DVSERVE_X86_KERNELS', `-I${sourceDir}`];
        execFileSync(compiler, ['-std=c++17', '-O2', ...options, ...definitions, '-c', path, '-o', object]);
        return object;
      });
      const program = join(folder, 'program');
      execFileSync(compiler, [...objects, '-o', program]);
      const lines = execFileSync(program, { encoding: 'utf8' }).trim().split('\n').filter(Boolean);
      expect(lines.filter((line) => !line.endsWith(' ok'))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
