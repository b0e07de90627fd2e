import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { CudaBuild } from '../bench/peer.ts';

/**
 * CUDA's compiler, if the machine has one and CMake, and what it is to compile for: the GPUs of this machine, or
 * `architectures`. Undefined otherwise. Throws if there is a compiler, but no GPU to ask.
 */
export function findCudaBuild(architectures: string | undefined): CudaBuild | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/cuda/bin'];
  const found = folders.map((folder) => join(folder, 'nvcc')).find((path) => existsSync(path));
  if (found === undefined || spawnSync('cmake', ['--version']).status !== 0) return undefined;
  const wanted = architectures ?? architecturesOf(computeCapabilities());
  if (wanted === '') throw new Error('nvidia-smi names no GPU: its driver is missing. Name --cuda-architectures.');
  return { nvccPath: realpathSync(found), architectures: wanted };
}

/** What `nvidia-smi` says of each GPU: `9.0`. */
function computeCapabilities(): string {
  const { error, stdout } = spawnSync('nvidia-smi', ['--query-gpu=compute_cap', '--format=csv,noheader'], {
    encoding: 'utf8',
  });
  return error === undefined ? stdout : '';
}

/** CMake's names of compute capabilities, each once: `90-real`. */
export function architecturesOf(capabilities: string): string {
  const names = [...capabilities.matchAll(/^\s*(\d+)\.(\d)\s*$/gm)].map(([, major, minor]) => `${major}${minor}-real`);
  return [...new Set(names)].join(';');
}
