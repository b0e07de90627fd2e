/**
 * Checks vserve on a GPU: runs the engine's tests on it, then the bench against llama-server with the same kernels, and
 * prints its table. Needs no network, and under 8 minutes on a machine with a data centre's GPU; Linux.
 *
 *     npm run build && node dist/scripts/gpu-check.js [options]
 *
 *     --device cuda|vulkan   the driver that must be found; vulkan also takes Mesa's software driver (llvmpipe)
 *     --streams <n,…>        streams at a time (1,8,16,64; fewer on a GPU with less than 24 GiB)
 *     --rounds <n>           how often each measurement alternates between the servers (2)
 *     --quick                the embedded model and small loads: for a slow device
 *     --peer <folder>        llama-server, llama-batched-bench and llama-quantize, already built
 *     --without <step>       leaves out tests or bench
 *
 * The kernels are those of node-llama-cpp's package, on both sides: of CUDA, those that run with the machine's driver. The
 * exit code is 1 if a test failed or the bench broke off.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import envPaths from 'env-paths';
import { parseDevices } from '../backends/node-llama-cpp/devices.ts';
import { startLlama } from '../backends/node-llama-cpp/llama-model.ts';
import { formatBytes } from '../src/formats/format-bytes.ts';
import { scriptArguments, usageError } from './arguments.ts';
import { preparePeer } from './bench/peer.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const cacheDir = join(envPaths('vserve', { suffix: '' }).cache, 'bench');
/** Of the engine, by what of it may differ between devices. */
const tests = ['caches', 'generate', 'image-attention', 'mmproj-encoding'];
/** What llama.cpp's kernels take to compile at the first use, on a slow device, is no fault. */
const testTimeoutMs = 300_000;
const manyStreamsBytes = 24 * 1024 ** 3;

const text = { type: 'string' } as const;
const options = scriptArguments({
  options: {
    device: text,
    streams: text,
    rounds: { ...text, default: '2' },
    peer: text,
    without: { ...text, multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
  },
}).values;

interface Gpu {
  readonly driver: string;
  readonly names: readonly string[];
  readonly totalBytes: number;
  /** The library of kernels that this machine's driver runs. */
  readonly kernelPath: string;
}

async function findGpu(): Promise<Gpu> {
  if (options.device !== undefined && options.device !== 'cuda' && options.device !== 'vulkan') {
    usageError(`--device knows cuda and vulkan, not "${options.device}".`);
  }
  // Vulkan's software driver counts only if it is named.
  if (options.device === 'vulkan') process.env['GGML_VK_VISIBLE_DEVICES'] ??= '0';
  const llama = await startLlama(parseDevices('gpu'), { log: () => undefined, signal: new AbortController().signal });
  const driver = String(llama.gpu);
  if (options.device !== undefined && driver !== options.device) {
    throw new Error(`The GPU is used by ${driver}, not by ${options.device}: its driver is missing, or too old.`);
  }
  const names = await llama.getGpuDeviceNames();
  const { total } = await llama.getVramState();
  const mapped = readFileSync('/proc/self/maps', 'utf8').match(new RegExp(`/\\S*/libggml-${driver}\\.so`));
  if (mapped === null) throw new Error(`node-llama-cpp loaded no library libggml-${driver}.so.`);
  return { driver, names, totalBytes: total, kernelPath: mapped[0] };
}

/**
 * A folder with llama-server and the GPU's kernels: it loads what lies beside it. Apart from the folder without them, which
 * benches of the CPU use.
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

function log(line: string): void {
  console.error(line);
}

/** Runs a program of Node.js with our output, and resolves with its exit code. */
async function run(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<number> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
}

function runTests(): Promise<number> {
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
  const files = tests.map((name) => `test/backends/node-llama-cpp/${name}.test.ts`);
  const limits = ['--testTimeout', '--hookTimeout'].flatMap((name) => [name, String(testTimeoutMs)]);
  return run([vitest, 'run', ...limits, ...files], { VSERVE_TEST_DEVICES: 'gpu' });
}

async function runBench(gpu: Gpu): Promise<number> {
  const { quick, rounds } = options;
  const streams = options.streams ?? (quick ? '1,2' : gpu.totalBytes < manyStreamsBytes ? '1,8,16' : '1,8,16,64');
  const sizes = quick ? ['--quick', '--output-tokens', '8', '--max-length', '1024'] : [];
  const only = quick ? 'tokens,pictures' : 'tokens,pictures,image,gap';
  const program = join(root, 'dist', 'scripts', 'bench', 'main.js');
  const where = ['--devices', 'gpu', '--peer', await peerWith(gpu), '--cache', cacheDir, '--patience', '1'];
  const loads = ['--only', only, '--streams', streams, '--rounds', rounds, '--json', 'gpu-check.json'];
  return run([program, ...where, ...loads, ...sizes]);
}

const startedAtMs = performance.now();
const gpu = await findGpu();
log(`${gpu.driver}: ${gpu.names.join(', ')}, ${formatBytes(gpu.totalBytes)}; kernels of ${gpu.kernelPath}`);
if (!existsSync(join(root, 'test'))) throw new Error('The tests are in a checkout of the repository only.');
const steps = { tests: runTests, bench: () => runBench(gpu) };
const summary: string[] = [];
for (const [name, step] of Object.entries(steps)) {
  if (options.without.includes(name)) continue;
  const fromMs = performance.now();
  const code = await step();
  summary.push(`${name}: ${code === 0 ? 'passed' : 'FAILED'}, ${((performance.now() - fromMs) / 1000).toFixed(0)} s`);
  if (code !== 0) process.exitCode = 1;
}
const minutes = ((performance.now() - startedAtMs) / 60_000).toFixed(1);
console.log(`\n${gpu.driver}: ${gpu.names.join(', ')}\n${summary.join('\n')}\nall: ${minutes} min`);
// llama.cpp's driver threads would keep the process.
process.exit();
