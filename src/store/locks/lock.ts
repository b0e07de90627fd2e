import { readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lock } from 'proper-lockfile';
import { systemErrorCode } from '../../errors/index.ts';
import { makeFolder } from '../disk/folders.ts';
import { isRunning, parseProcess } from './running-process.ts';
import type { ProcessOnHost } from './running-process.ts';

/** Polling interval of a waiting process. */
const POLL_MS = 100;
/** Heartbeat interval of an owner. */
const HEARTBEAT_MS = 1000;

/** The process that holds a lock. */
export type LockOwner = ProcessOnHost;

export interface LockOptions {
  readonly signal: AbortSignal;
  /** Called once if another process holds the lock; undefined if its owner is not known. */
  readonly onWait: (owner: LockOwner | undefined) => void;
}

/** Locks held by this process: a process id alone does not tell them from those of an earlier process. */
const held = new Set<string>();

/**
 * Runs `work` while holding the lock named by `path` (its files are `<path>.lock` and `<path>.owner`), after waiting for
 * its current owner. The lock avoids duplicate work but is no guarantee: a process that was stopped for minutes may find
 * that another has taken over, so `work` must publish its result in a way that survives that.
 */
export async function withLock<T>(path: string, { signal, onWait }: LockOptions, work: () => Promise<T>): Promise<T> {
  for (let waited = false; ; waited = true) {
    signal.throwIfAborted();
    const release = await tryLock(path);
    if (release !== undefined) {
      try {
        return await work();
      } finally {
        await release();
      }
    }
    if (!waited) onWait(await readOwner(path));
    await sleep(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** Takes the lock unless a running process holds it; returns the function that releases it. */
export async function tryLock(path: string): Promise<(() => Promise<void>) | undefined> {
  await makeFolder(dirname(path));
  let release: () => Promise<void>;
  try {
    release = await lock(path, {
      realpath: false,
      update: HEARTBEAT_MS,
      stale: patienceMs(path, await readOwner(path)),
      onCompromised: () => undefined,
    });
  } catch (error) {
    if (systemErrorCode(error) === 'ELOCKED') return undefined;
    throw error;
  }
  held.add(path);
  const releaseAll = async () => {
    await rm(`${path}.owner`, { force: true });
    held.delete(path);
    // Fails if another process took the lock over: then it is no longer ours to release.
    await release().catch(() => undefined);
  };
  try {
    await writeFile(`${path}.owner`, JSON.stringify({ pid: process.pid, host: hostname() } satisfies LockOwner));
  } catch (error) {
    await releaseAll();
    throw error;
  }
  return releaseAll;
}

/** Time without a heartbeat after which a lock is broken. */
function patienceMs(path: string, owner: LockOwner | undefined): number {
  if (owner === undefined || owner.host !== hostname()) return 30_000;
  return isAlive(path, owner.pid) ? 300_000 : 2 * HEARTBEAT_MS;
}

function isAlive(path: string, pid: number): boolean {
  return pid === process.pid ? held.has(path) : isRunning(pid);
}

async function readOwner(path: string): Promise<LockOwner | undefined> {
  return parseProcess(await readFile(`${path}.owner`, 'utf8').catch(() => ''));
}

/** The path of the lock of a conversion, by its key, or of a repository, by its folder's name. */
export function lockPath(home: string, name: string): string {
  return join(home, 'locks', name);
}
