import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');
const nativeDir = join(root, 'backends/node-llama-cpp/native');
const variant = `linux-${process.arch}`;

/** A small program of some of the engine's sources, linked to node-llama-cpp's libraries. Linux only. */
export class NativeCheck {
  /** The libraries, among them the CPU backends. */
  static readonly binaries = join(root, 'node_modules/@node-llama-cpp', variant, 'bins', variant);
  readonly program: string;
  readonly #folder: string;

  /** `main` stands beside this file; `sources` are names in `native/src`, without `.cpp`. */
  constructor(main: string, sources: readonly string[]) {
    const { binaries } = NativeCheck;
    this.#folder = mkdtempSync(join(tmpdir(), 'vserve-check-'));
    this.program = join(this.#folder, 'check');
    const libraries = readdirSync(binaries).filter((name) => /^lib(llama\.|ggml\.|ggml-base)/.test(name));
    execFileSync(process.env['CXX'] ?? 'c++', [
      '-std=c++17',
      '-O1',
      '-Wall',
      '-pthread',
      ...['include', 'ggml/include', 'ggml/src'].map((path) => `-I${join(nativeDir, 'build/llama.cpp', path)}`),
      `-I${join(nativeDir, 'src')}`,
      join(import.meta.dirname, main),
      ...sources.map((name) => join(nativeDir, 'src', `${name}.cpp`)),
      ...libraries.map((name) => join(binaries, name)),
      `-Wl,-rpath,${binaries}`,
      '-o',
      this.program,
    ]);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}
