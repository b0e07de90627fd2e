import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import type { MemorySize } from './memory-budget.ts';

/**
 * The main memory that this process has, and may still take. In a container with a limit the system counts the cache of
 * files that were read or written as taken, although it makes room at once: it is added.
 */
export async function machineMemory(): Promise<MemorySize> {
  const available = process.availableMemory();
  const limit = process.constrainedMemory();
  if (limit === 0 || limit >= totalmem()) return { totalBytes: totalmem(), freeBytes: available };
  return { totalBytes: limit, freeBytes: Math.min(limit, available + (await fileCacheBytes())) };
}

/** Bytes of files in the cache of this process's control group (Linux, cgroup v2: `memory.stat`). */
async function fileCacheBytes(): Promise<number> {
  const groups = await readFile('/proc/self/cgroup', 'utf8').catch(() => '');
  const group = /^0::(\/.*)$/m.exec(groups)?.[1] ?? '/';
  const statistics = await readFile(`/sys/fs/cgroup${group}/memory.stat`, 'utf8').catch(() => '');
  return [...statistics.matchAll(/^(?:in)?active_file (\d+)$/gm)].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
}
