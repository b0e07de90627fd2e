import { existsSync } from 'node:fs';
import { copyFile, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { runTool } from './run-tool.ts';

const tools = ['llama-server', 'llama-batched-bench', 'llama-quantize'];

/**
 * llama.cpp's own programs, built once from the source inside node-llama-cpp's package, so that both sides are of one
 * release. Their CPU kernels are node-llama-cpp's prebuilt ones too: the comparison is of servers, not of compilers.
 * Resolves with the folder of the programs. Throws on a platform without prebuilt kernels that can be loaded.
 */
export async function preparePeer(cacheDir: string, log: (line: string) => void): Promise<string> {
  const nodeLlamaCpp = packageDir('node-llama-cpp');
  const { version } = createRequire(import.meta.url)(join(nodeLlamaCpp, 'package.json')) as { version: string };
  const destination = join(cacheDir, `llama.cpp-${version}`);
  const programDir = join(destination, 'build', 'bin');

  const variant = `linux-${process.arch}`;
  const kernelDir = join(dirname(nodeLlamaCpp), '@node-llama-cpp', variant, 'bins', variant);
  const kernels = existsSync(kernelDir)
    ? (await readdir(kernelDir)).filter((name) => /^libggml-cpu.*\.so$/.test(name))
    : [];
  if (kernels.length === 0) {
    throw new Error(
      'node-llama-cpp has no CPU kernels here that llama-server could load. Build it yourself: --peer <folder>.',
    );
  }
  if ([...tools, ...kernels].every((name) => existsSync(join(programDir, name)))) return programDir;

  // An interrupted build resumes where it stopped.
  log('Building llama-server from the source that node-llama-cpp ships (some ten minutes, once)');
  if (!existsSync(join(destination, '.git'))) {
    await runTool('git', ['clone', '--quiet', join(nodeLlamaCpp, 'llama', 'gitRelease.bundle'), destination]);
  }
  const settings = {
    CMAKE_BUILD_TYPE: 'Release',
    GGML_BACKEND_DL: 'ON',
    GGML_NATIVE: 'OFF',
    GGML_CPU: 'OFF',
    LLAMA_CURL: 'OFF',
    LLAMA_OPENSSL: 'OFF',
    LLAMA_BUILD_TESTS: 'OFF',
    LLAMA_BUILD_EXAMPLES: 'OFF',
    LLAMA_BUILD_UI: 'OFF',
  };
  const defines = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`);
  await runTool('cmake', ['-S', destination, '-B', join(destination, 'build'), ...defines]);
  const jobs = String(availableParallelism());
  await runTool('cmake', ['--build', join(destination, 'build'), '--parallel', jobs, '--target', ...tools]);
  for (const name of kernels) await copyFile(join(kernelDir, name), join(programDir, name));
  return programDir;
}

function packageDir(name: string): string {
  const require = createRequire(import.meta.url);
  const dir = (require.resolve.paths(name) ?? []).map((path) => join(path, name)).find(existsSync);
  if (dir === undefined) throw new Error(`The package ${name} is not installed. Run: npm ci`);
  return dir;
}
