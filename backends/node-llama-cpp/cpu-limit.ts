import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * CPUs that this process may keep busy: those that it may run on, and no more than the time that its control group (a
 * container's `--cpus`) has. `root` stands for `/`.
 */
export function usableCpus(root = '/'): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(controlGroupCpus(root))));
}

/**
 * The file in which the tightest control group that limits this process's CPU time counts how often it had to wait for
 * more (`nr_throttled`); undefined where there is no limit.
 */
export function throttleCounter(root = '/'): string | undefined {
  const limited = controlGroups(root).filter(({ cpus }) => cpus < Infinity);
  limited.sort((a, b) => a.cpus - b.cpus);
  return limited[0] && join(limited[0].folder, 'cpu.stat');
}

/** CPU time a second that the control groups of this process have, in CPUs; infinite where there is no limit. */
function controlGroupCpus(root: string): number {
  return Math.min(Infinity, ...controlGroups(root).map(({ cpus }) => cpus));
}

interface ControlGroup {
  readonly folder: string;
  /** CPU time a second that it has, in CPUs. */
  readonly cpus: number;
}

/**
 * The control groups that may limit this process's CPU time. Both versions are known:
 * https://docs.kernel.org/admin-guide/cgroup-v2.html (`cpu.max`, of the group and of all above it) and
 * https://docs.kernel.org/scheduler/sched-bwc.html (`cpu.cfs_quota_us`).
 */
function controlGroups(root: string): ControlGroup[] {
  const groups: ControlGroup[] = [];
  for (const line of read(join(root, 'proc/self/cgroup')).split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    const version2 = controllers === '';
    if (!version2 && !controllers.split(',').includes('cpu')) continue;
    const mount = join(root, 'sys/fs/cgroup', version2 ? '' : controllers);
    for (let group = path; ; group = dirname(group)) {
      const folder = join(mount, group);
      const cpus = version2
        ? quotient(read(join(folder, 'cpu.max')))
        : quotient(`${read(join(folder, 'cpu.cfs_quota_us')).trim()} ${read(join(folder, 'cpu.cfs_period_us'))}`);
      groups.push({ folder, cpus });
      if (group === '/') break;
    }
  }
  return groups;
}

/** `200000 100000` is 2: microseconds in a period of so many. `max` and -1 are no limit. */
function quotient(quotaAndPeriod: string): number {
  const [quota, period] = quotaAndPeriod.trim().split(/\s+/).map(Number);
  if (quota === undefined || period === undefined || !(quota > 0) || !(period > 0)) return Infinity;
  return quota / period;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // not Linux, or a group that is not mounted here
  }
}
