import { existsSync } from 'node:fs';
import { copyFile, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { runTool } from './run-tool.ts';

const tools = ['llama-server', 'llama-batched-bench', 'llama-quantize'];

/** Kernels for CUDA, to be compiled beside the programs. */
export interface CudaBuild {
  readonly nvccPath: string;
  /** Compute capabilities as CMake takes them: `90-real`. */
  readonly architectures: string;
}

/**
 * llama.cpp's own programs, built once from the source inside node-llama-cpp's package, so that both sides are of one
 * release. Their CPU kernels are node-llama-cpp's prebuilt ones too: the comparison is of servers, not of compilers. With
 * `cuda`, `libggml-cuda.so` is built as well, in a form that node-llama-cpp can load.
 * Resolves with the folder of the programs. Throws on a platform without prebuilt kernels that can be loaded.
 */
export async function preparePeer(cacheDir: string, log: (line: string) => void, cuda?: CudaBuild): Promise<string> {
  const nodeLlamaCpp = packageDir('node-llama-cpp');
  const { version } = createRequire(import.meta.url)(join(nodeLlamaCpp, 'package.json')) as { version: string };
  const destination = join(cacheDir, `llama.cpp-${version}`);
  const buildDir = join(destination, cuda === undefined ? 'build' : `build-cuda-${cuda.architectures}`);
  const programDir = join(buildDir, 'bin');

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
  const products = [...tools, ...(cuda === undefined ? [] : ['libggml-cuda.so']), ...kernels];
  if (products.every((name) => existsSync(join(programDir, name)))) return programDir;

  // An interrupted build resumes where it stopped.
  log('Building llama-server from the source that node-llama-cpp ships (some ten minutes on two cores, once)');
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
    ...(cuda && cudaSettings(cuda)),
  };
  const defines = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`);
  await runTool('cmake', ['-S', destination, '-B', buildDir, ...defines]);
  const targets = [...tools, ...(cuda === undefined ? [] : ['ggml-cuda'])];
  const jobs = String(availableParallelism());
  await runTool('cmake', ['--build', buildDir, '--parallel', jobs, '--target', ...targets]);
  for (const name of kernels) await copyFile(join(kernelDir, name), join(programDir, name));
  return programDir;
}

/** As node-llama-cpp builds its own, for one GPU: without a version in the names, its libraries are found in their place. */
function cudaSettings({ nvccPath, architectures }: CudaBuild): Record<string, string> {
  const stub = driverLibrary(nvccPath);
  return {
    CMAKE_PLATFORM_NO_VERSIONED_SONAME: 'ON',
    GGML_CUDA: 'ON',
    GGML_CUDA_FA_ALL_QUANTS: 'OFF',
    GGML_CUDA_NCCL: 'OFF',
    CMAKE_CUDA_COMPILER: nvccPath,
    CMAKE_CUDA_ARCHITECTURES: architectures,
    ...(stub !== undefined && { CUDA_cuda_driver_LIBRARY: stub }),
  };
}

/** The driver's library, where the toolkit has no stub of it for CMake to find. */
function driverLibrary(nvccPath: string): string | undefined {
  const toolkit = dirname(dirname(nvccPath));
  const stubs = ['lib64/stubs', 'lib/stubs', 'targets/x86_64-linux/lib/stubs'].map((folder) =>
    join(toolkit, folder, 'libcuda.so'),
  );
  if (stubs.some((path) => existsSync(path))) return undefined;
  return ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib', '/usr/lib/aarch64-linux-gnu']
    .map((folder) => join(folder, 'libcuda.so.1'))
    .find((path) => existsSync(path));
}

/** Where a package is installed. */
export function packageDir(name: string): string {
  const require = createRequire(import.meta.url);
  const dir = (require.resolve.paths(name) ?? []).map((path) => join(path, name)).find(existsSync);
  if (dir === undefined) throw new Error(`The package ${name} is not installed. Run: npm ci`);
  return dir;
}
