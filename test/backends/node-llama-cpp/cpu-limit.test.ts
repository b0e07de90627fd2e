import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { throttleCounter, usableCpus } from '../../../backends/node-llama-cpp/cpu-limit.ts';

/** A root folder that holds these files. */
async function rootWith(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'vserve-cgroup-'));
  onTestFinished(() => rm(root, { recursive: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}

const all = availableParallelism();

it.each([
  ['no control groups', {}, all],
  ['no limit', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': 'max 100000\n' }, all],
  ['a limit of version 2', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '50000 100000\n' }, 1],
  [
    'the limit of a group above',
    {
      'proc/self/cgroup': '0::/a/b\n',
      'sys/fs/cgroup/a/b/cpu.max': 'max 100000\n',
      'sys/fs/cgroup/a/cpu.max': '100000 100000\n',
    },
    1,
  ],
  [
    'a limit of version 1',
    {
      'proc/self/cgroup': '4:memory:/x\n3:cpu,cpuacct:/x\n',
      'sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us': '20000\n',
      'sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us': '100000\n',
    },
    1,
  ],
  [
    'no limit of version 1',
    {
      'proc/self/cgroup': '3:cpu:/\n',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    },
    all,
  ],
])('counts the CPUs that may be kept busy: %s', async (_, files, expected) => {
  expect(usableCpus(await rootWith(files))).toBe(expected);
});

it('finds where the tightest limit counts how often it was reached', async () => {
  const root = await rootWith({
    'proc/self/cgroup': '0::/a/b\n',
    'sys/fs/cgroup/a/b/cpu.max': '300000 100000\n',
    'sys/fs/cgroup/a/cpu.max': '150000 100000\n',
  });
  expect(throttleCounter(root)).toBe(join(root, 'sys/fs/cgroup/a/cpu.stat'));
  expect(throttleCounter(await rootWith({ 'proc/self/cgroup': '0::/a\n' }))).toBeUndefined();
});
