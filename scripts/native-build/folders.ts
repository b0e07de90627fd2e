import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { packageRoot } from '../../backends/node-llama-cpp/installation.ts';
import { BuildFailure } from './build-failure.ts';

export const nativeDir = join(packageRoot, 'backends', 'node-llama-cpp', 'native');
export const buildDir = join(nativeDir, 'build');
/** Where CMake builds what is used. */
export const cmakeDir = join(buildDir, 'cmake');
export const logPath = join(buildDir, 'build.log');
/** CMake and Ninja, where the machine has none. */
export const toolsDir = join(buildDir, 'tools');
/** The source of llama.cpp in a published package: the files that are compiled, patched. */
export const packedSourceDir = join(packageRoot, 'dist', 'llama.cpp');
/** Names the version of node-llama-cpp that a source of llama.cpp belongs to. */
export const sourceVersionFile = 'node-llama-cpp-version';

/** Where a package is installed. Throws `BuildFailure`. */
export function packageDir(name: string): string {
  const require = createRequire(import.meta.url);
  for (const searchDir of require.resolve.paths(name) ?? []) {
    if (existsSync(join(searchDir, name, 'package.json'))) return join(searchDir, name);
  }
  throw new BuildFailure(`The package ${name} is not installed. Run: npm install`);
}

export function versionOf(dir: string): string {
  return (JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as { version: string }).version;
}
