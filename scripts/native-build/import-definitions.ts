import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Variant } from '../../backends/node-llama-cpp/installation.ts';
import { dllExports, importDefinition } from './dll-exports.ts';

/** llama.cpp's libraries that the addon calls. */
const called = /^(?:llama|ggml)(?!-(?:cpu|cuda|vulkan|addon)).*\.dll$/;

/**
 * Writes what CMake makes import libraries of, for Windows: node-llama-cpp's packages have DLLs without any. A folder of
 * `folder` for each variant has a module definition for each DLL.
 */
export function writeImportDefinitions(variants: readonly Variant[], folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  for (const { name, libraryDir } of variants) {
    mkdirSync(join(folder, name), { recursive: true });
    for (const dll of readdirSync(libraryDir).filter((file) => called.test(file))) {
      const exports = dllExports(readFileSync(join(libraryDir, dll)));
      writeFileSync(join(folder, name, `${dll.slice(0, -'.dll'.length)}.def`), importDefinition(dll, exports));
    }
  }
}
