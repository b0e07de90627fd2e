import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { shapesFiles } from '../../support/shapes-engine.ts';

const root = join(import.meta.dirname, '../../..');
const nativeDir = join(root, 'backends/node-llama-cpp/native');
const llamaCpp = join(nativeDir, 'build/llama.cpp');
const variant = `linux-${process.arch}`;
const binaries = join(root, 'node_modules/@node-llama-cpp', variant, 'bins', variant);

it.skipIf(process.platform !== 'linux')("draws what llama.cpp's chain draws, whatever the biases", () => {
  const folder = mkdtempSync(join(tmpdir(), 'vserve-sampler-'));
  try {
    const program = join(folder, 'check');
    const includes = ['include', 'ggml/include', 'common', 'vendor'].map((path) => `-I${join(llamaCpp, path)}`);
    const libraries = readdirSync(binaries).filter((name) => /^lib(llama|ggml\.|ggml-base)/.test(name));
    const sources = ['sampler.cpp', 'error.cpp'].map((name) => join(nativeDir, 'src', name));
    execFileSync(process.env['CXX'] ?? 'c++', [
      '-std=c++17',
      ...includes,
      `-I${join(nativeDir, 'src')}`,
      join(import.meta.dirname, 'sampler-check.cpp'),
      ...sources,
      ...libraries.map((name) => join(binaries, name)),
      `-Wl,-rpath,${binaries}`,
      '-o',
      program,
    ]);
    const output = execFileSync(program, [binaries, shapesFiles().modelPath], { encoding: 'utf8' });
    expect(output).toBe('60 cases\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
