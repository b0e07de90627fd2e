import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, namesIn } from '../disk/folders.ts';
import { lockPath, tryLock } from './lock.ts';

/** Removes what conversions left behind that ended without cleaning up. `ownKey` belongs to a lock held by the caller. */
export async function removeLeftovers(home: string, ownKey: string): Promise<void> {
  await makeFolder(join(home, 'converting'));
  for (const name of await leftovers(home)) {
    const remove = () => rm(join(home, 'converting', name), { recursive: true, force: true });
    if (keyOf(name) === ownKey) await remove();
    else await withoutOwner(home, keyOf(name), remove);
  }
}

/** The names of the folders in `converting/`. */
export async function leftovers(home: string): Promise<string[]> {
  return namesIn(join(home, 'converting'));
}

/** The key of the conversion that a folder in `converting/` belongs to. */
export function keyOf(name: string): string {
  return name.slice(0, name.indexOf('.'));
}

/** Runs `work` with the lock of a conversion or a repository, unless a running process holds it. */
export async function withoutOwner(home: string, lock: string, work: () => Promise<void>): Promise<void> {
  const release = await tryLock(lockPath(home, lock));
  if (release === undefined) return;
  try {
    await work();
  } finally {
    await release();
  }
}
