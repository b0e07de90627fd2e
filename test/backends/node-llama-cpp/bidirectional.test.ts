import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const nativeDir = join(root, 'backends/node-llama-cpp/native');
const llamaCpp = join(nativeDir, 'build/llama.cpp');
const variant = `linux-${process.arch}`;
const binaries = join(root, 'node_modules/@node-llama-cpp', variant, 'bins', variant);

it.skipIf(process.platform !== 'linux')('attention both ways makes llama.cpp reserve no memory anew', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vserve-bidirectional-'));
  try {
    const program = join(folder, 'check');
    const libraries = readdirSync(binaries).filter((name) => /^lib(llama\.|ggml\.|ggml-base)/.test(name));
    execFileSync(process.env['CXX'] ?? 'c++', [
      '-std=c++17',
      ...['include', 'ggml/include', 'src'].map((path) => `-I${join(llamaCpp, path)}`),
      `-I${join(nativeDir, 'src')}`,
      join(import.meta.dirname, 'bidirectional-check.cpp'),
      join(nativeDir, 'src/bidirectional.cpp'),
      ...libraries.map((name) => join(binaries, name)),
      '-rdynamic',
      '-ldl',
      `-Wl,-rpath,${binaries}`,
      '-o',
      program,
    ]);
    const told = execFileSync(program, [binaries, inject('shapesModelPath')], { encoding: 'utf8' });
    // llama.cpp's own function does, at each change: otherwise this would count nothing.
    expect(told).toMatch(/^0 [1-9]\d* same back\n$/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
