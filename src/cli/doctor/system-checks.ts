import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { addressSpaceLimit } from '../address-space.ts';
import { formatBytes } from '../printable.ts';
import type { Finding } from './check.ts';
import { fail, ok, warn } from './check.ts';

const PROGRAM_TIMEOUT_MS = 10_000;
/** Less than this has no room for a model worth serving. */
const LEAST_MEMORY_BYTES = 4e9;

/** The release of Node: what works, and what is supported still. */
export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const advice = 'Install Node 22 or newer: https://nodejs.org';
  if (major < 20 || (major === 20 && minor < 19)) return fail(`${version} is too old`, advice);
  if (major < 22) return warn(`${version}, which gets no more security fixes`, advice);
  return ok(version);
}

/** What llama.cpp's kernels for this processor can use. */
export async function checkCpu(): Promise<Finding> {
  const model = cpus()[0]?.model.trim() ?? process.arch;
  const found = await cpuFeatures();
  const detail = `${String(availableParallelism())} × ${model}${found.length === 0 ? '' : ` (${found.join(', ')})`}`;
  if (process.arch !== 'x64' || process.platform !== 'linux' || found.includes('avx2')) return ok(detail);
  return warn(`${detail}, without AVX2`, 'Generation will be slow: use a newer processor or a GPU.');
}

/** The memory that is free, and all of it. */
export async function checkMemory(): Promise<Finding> {
  const limit = await addressSpaceLimit();
  if (limit !== undefined) return warn(limit.detail, limit.advice);
  const available = process.availableMemory();
  const detail = `${formatBytes(available)} free of ${formatBytes(totalmem())}`;
  if (available >= LEAST_MEMORY_BYTES) return ok(detail);
  return warn(detail, 'End other programs, or serve a small model in q4_k_m (--quantization-encoding).');
}

/** What building the engine takes. It is not needed where the engine is there; CMake and Ninja come from npm if need be. */
export async function checkCompiler(isBuilt: boolean): Promise<Finding> {
  const compiler = await firstLineOf('c++').then((line) => line ?? firstLineOf('g++'));
  if (compiler !== undefined) return ok(compiler);
  if (isBuilt) return ok('none, and none is needed: the engine is there');
  const advice = process.platform === 'darwin' ? 'xcode-select --install' : 'Debian, Ubuntu: sudo apt-get install g++';
  return fail('a C++ compiler is missing', `${advice}, then start vserve again: it builds the engine`);
}

/** GPUs by their drivers: those that the engine does not use have a reason to be looked for. */
export async function checkDrivers(device: string | undefined): Promise<Finding> {
  const nvidia = await outputOf('nvidia-smi', ['--query-gpu=name,driver_version', '--format=csv,noheader']);
  if (nvidia === undefined) return ok('no NVIDIA driver; Metal and Vulkan need none of their own here');
  const detail = `NVIDIA ${nvidia.trim().split('\n').join('; ')}`;
  if (device === undefined || /cuda|vulkan/i.test(device)) return ok(detail);
  return warn(`${detail}, but the engine computes on ${device}`, 'Update the driver; vserve needs no CUDA toolkit.');
}

async function cpuFeatures(): Promise<readonly string[]> {
  const text = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/) ?? [];
  const wanted = ['avx2', 'fma', 'avx512f', 'avx512_vnni', 'amx_int8', 'amx_bf16', 'asimddp', 'i8mm', 'sve'];
  return wanted.filter((flag) => flags.includes(flag));
}

async function firstLineOf(program: string): Promise<string | undefined> {
  return (await outputOf(program, ['--version']))?.split('\n')[0]?.trim();
}

/** Undefined for a program that is not there, or fails. */
async function outputOf(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    return (await promisify(execFile)(program, [...args], { timeout: PROGRAM_TIMEOUT_MS })).stdout;
  } catch {
    return undefined;
  }
}
