/**
 * Checks vserve on a GPU: builds llama.cpp's kernels for it, runs the engine's tests with them, then the bench against
 * llama-server with the same kernels, and prints its table. Needs no network, and under 8 minutes on a machine with a data
 * centre's GPU and 16 cores; Linux.
 *
 *     npm run build && node dist/scripts/gpu-check/main.js [options]
 *
 *     --device cuda|vulkan|cpu   the driver that must be found; vulkan also takes Mesa's software driver (llvmpipe); cpu goes
 *                                through the steps without a GPU
 *     --cuda-architectures <…>   what to compile for, instead of this machine's GPU: 90-real
 *     --streams <n,…>            streams at a time (1,8,16,64; fewer on a GPU with less than 24 GiB)
 *     --rounds <n>               how often each measurement alternates between the servers (2)
 *     --quick                    the embedded model and small loads: for a slow device
 *     --peer <folder>            llama-server, llama-batched-bench and llama-quantize, already built; nothing is compiled
 *     --without <step>           leaves out tests or bench
 *
 * With nvcc and CMake, the kernels for CUDA are compiled from the source in node-llama-cpp's package, and both vserve and
 * llama-server take them; ccache is used if it is there. Otherwise the kernels are those of node-llama-cpp's package, on
 * both sides: of CUDA, those that run with the machine's driver. The GPU is shared with other programs, and its settings
 * stay as they are. The exit code is 1 if a test failed or the bench broke off.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import envPaths from 'env-paths';
import { formatBytes } from '../../src/formats/format-bytes.ts';
import { scriptArguments, usageError } from '../arguments.ts';
import { preparePeer } from '../bench/peer.ts';
import { runTool } from '../bench/run-tool.ts';
import { findCudaBuild } from './cuda-compiler.ts';
import type { Gpu } from './find-gpu.ts';
import { binariesWith } from './own-binaries.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const scriptsDir = join(root, 'dist', 'scripts');
const cacheDir = join(envPaths('vserve', { suffix: '' }).cache, 'bench');
/** Of the engine, by what of it may differ between devices. */
const tests = ['caches', 'generate', 'image-attention', 'mmproj-encoding'];
/** What llama.cpp's kernels take to compile at the first use, on a slow device, is no fault. */
const testTimeoutMs = 300_000;
/** Mesa's driver in software takes a hundred times as long as a GPU. */
const softwareTestTimeoutMs = 3_600_000;
const manyStreamsBytes = 24 * 1024 ** 3;

const text = { type: 'string' } as const;
const options = scriptArguments({
  options: {
    device: text,
    'cuda-architectures': text,
    streams: text,
    rounds: { ...text, default: '2' },
    peer: text,
    without: { ...text, multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
  },
}).values;
const { device } = options;
if (device !== undefined && !['cuda', 'vulkan', 'cpu'].includes(device)) {
  usageError(`--device knows cuda, vulkan and cpu, not "${device}".`);
}
// Vulkan's software driver counts only if it is named.
if (device === 'vulkan') process.env['GGML_VK_VISIBLE_DEVICES'] ??= '0';

const startedAtMs = performance.now();
const summary: string[] = [];

function log(line: string): void {
  console.error(line);
}

/** Does `work`, and adds what became of it and how long it took to the summary. */
async function step<T>(name: string, work: () => Promise<T>, failed: (result: T) => boolean): Promise<T> {
  const fromMs = performance.now();
  const result = await work();
  if (failed(result)) process.exitCode = 1;
  const seconds = ((performance.now() - fromMs) / 1000).toFixed(0);
  summary.push(`${name}: ${failed(result) ? 'FAILED' : 'passed'}, ${seconds} s`);
  return result;
}

/** What was compiled for the GPU: llama-server's folder, and the environment in which vserve takes the same kernels. */
interface Compiled {
  readonly peerDir: string;
  readonly environment: NodeJS.ProcessEnv;
}

async function compile(): Promise<Compiled | undefined> {
  if (options.peer !== undefined || device === 'vulkan') return undefined;
  const wanted = device === 'cpu' && options['cuda-architectures'] === undefined;
  const cuda = wanted ? undefined : findCudaBuild(options['cuda-architectures']);
  if (cuda === undefined) {
    log('Nothing is compiled for the GPU (no nvcc, no CMake, or --device cpu): the kernels are the prebuilt ones.');
    return undefined;
  }
  const cores = String(availableParallelism());
  log(
    `Compiling CUDA's kernels for ${cuda.architectures} with ${cuda.nvccPath} on ${cores} cores (an hour of one core)`,
  );
  return step(
    'build',
    async () => {
      const peerDir = await preparePeer(cacheDir, log, cuda);
      const folder = join(cacheDir, 'binaries-cuda');
      return { peerDir, environment: await binariesWith(join(peerDir, 'libggml-cuda.so'), folder) };
    },
    () => false,
  );
}

async function findGpu(environment: NodeJS.ProcessEnv): Promise<Gpu | undefined> {
  if (device === 'cpu') return undefined;
  Object.assign(process.env, environment);
  const output = await runTool(process.execPath, [join(scriptsDir, 'gpu-check', 'find-gpu.js')]);
  const gpu = JSON.parse(output.trim().split('\n').at(-1) ?? '') as Gpu;
  if (device !== undefined && gpu.driver !== device) {
    throw new Error(`The GPU is used by ${gpu.driver}, not by ${device}: its driver is missing, or too old.`);
  }
  return gpu;
}

/**
 * A folder with llama-server and the GPU's prebuilt kernels: it loads what lies beside it. Apart from the folder without
 * them, which benches of the CPU use.
 */
async function peerWith({ driver, kernelPath }: Gpu): Promise<string> {
  const built = options.peer ?? (await preparePeer(cacheDir, log));
  const folder = join(cacheDir, `peer-${driver}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(built)) {
    // llama.cpp looks beside the program itself, whereas a library must not be there twice.
    if (name.includes('.so')) await symlink(join(built, name), join(folder, name));
    else if (name.startsWith('llama-')) await copyFile(join(built, name), join(folder, name));
  }
  await symlink(kernelPath, join(folder, basename(kernelPath)));
  return folder;
}

/** Runs a program of Node.js with our output, and resolves with its exit code. */
async function run(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<number> {
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit', env });
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
}

function runTests(gpu: Gpu | undefined): Promise<number> {
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
  const files = tests.map((name) => `test/backends/node-llama-cpp/${name}.test.ts`);
  const isSoftware = gpu?.names.some((name) => name.startsWith('llvmpipe')) ?? false;
  const timeoutMs = isSoftware ? softwareTestTimeoutMs : testTimeoutMs;
  const limits = ['--testTimeout', '--hookTimeout'].flatMap((name) => [name, String(timeoutMs)]);
  return run([vitest, 'run', ...limits, ...files], { VSERVE_TEST_DEVICES: gpu === undefined ? 'cpu' : 'gpu' });
}

async function runBench(gpu: Gpu | undefined, compiled: Compiled | undefined): Promise<number> {
  const { quick, rounds } = options;
  const few = gpu === undefined || gpu.totalBytes < manyStreamsBytes;
  const streams = options.streams ?? (quick ? '1,2' : few ? '1,8,16' : '1,8,16,64');
  const sizes = quick ? ['--quick', '--output-tokens', '4', '--max-length', '1024'] : [];
  const only = quick ? 'tokens,pictures' : 'tokens,pictures,image,gap';
  const peerDir =
    compiled?.peerDir ??
    (gpu === undefined ? (options.peer ?? (await preparePeer(cacheDir, log))) : await peerWith(gpu));
  const where = ['--devices', gpu === undefined ? 'cpu' : 'gpu', '--peer', peerDir, '--cache', cacheDir];
  const loads = ['--only', only, '--streams', streams, '--rounds', rounds, '--json', 'gpu-check.json'];
  return run([join(scriptsDir, 'bench', 'main.js'), ...where, '--patience', '1', ...loads, ...sizes]);
}

if (!existsSync(join(root, 'test'))) throw new Error('The tests are in a checkout of the repository only.');
const compiled = await compile();
const gpu = await findGpu(compiled?.environment ?? {});
const title =
  gpu === undefined
    ? 'the CPU, without a GPU'
    : `${gpu.driver}: ${gpu.names.join(', ')}, ${formatBytes(gpu.totalBytes)}`;
const kernels = compiled === undefined ? 'prebuilt kernels' : 'kernels compiled for it';
log(`${title}; ${kernels}${gpu === undefined ? '' : ` of ${gpu.kernelPath}`}`);
const isFailure = (code: number): boolean => code !== 0;
if (!options.without.includes('tests')) await step('tests', () => runTests(gpu), isFailure);
if (!options.without.includes('bench')) await step('bench', () => runBench(gpu, compiled), isFailure);
const minutes = ((performance.now() - startedAtMs) / 60_000).toFixed(1);
console.log(`\n${title}; ${kernels}\n${summary.join('\n')}\nall: ${minutes} min`);
