import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { VserveError } from '../errors/index.ts';
import { makeFolder } from './disk/folders.ts';
import { readDownload } from './downloads/downloads.ts';
import { repositoryFolder } from './downloads/snapshot.ts';
import { lockPath, tryLock } from './locks/lock.ts';
import { listModels } from './stored-models.ts';
import type { StoredModel } from './stored-models.ts';

/** A key may be cut to as many digits as tell it from others. */
const SHORTEST_KEY = 4;

/**
 * The models of the store that `target` names: a repository (`org/name`, all of it), one of its commits
 * (`org/name@commit`), the key of a conversion or its beginning, the folder of a model, or the folder that it was
 * converted from. Throws `model_unavailable` where there is none, or a key's beginning fits several.
 */
export async function findStored(home: string, target: string): Promise<StoredModel[]> {
  const models = await listModels(home);
  const path = resolve(target);
  const named = models.filter(
    (model) =>
      [model.id, model.repository].includes(target) ||
      model.path === path ||
      (model.type === 'converted' && model.name === path),
  );
  if (named.length > 0) return named;
  const isKey = target.length >= SHORTEST_KEY && /^[0-9a-f]+$/.test(target);
  const found = isKey ? models.filter(({ type, id }) => type === 'converted' && id.startsWith(target)) : [];
  if (found.length === 1) return found;
  const reason =
    found.length === 0
      ? 'is no model in the store. "vserve list" shows what is there'
      : `fits several: ${found.map(({ id }) => id).join(', ')}. Give more of it`;
  throw new VserveError('model_unavailable', `${JSON.stringify(target)} ${reason}.`, { param: 'model' });
}

/**
 * Removes models from the store. A running server keeps what it serves: it may read its files at any time. `force`
 * removes even so. Throws `model_in_use`, naming the processes, before anything is removed.
 */
export async function removeModels(home: string, models: readonly StoredModel[], force: boolean): Promise<void> {
  const used = models.find(({ usedBy }) => usedBy.length > 0);
  if (used !== undefined && !force) {
    throw new VserveError(
      'model_in_use',
      `${used.name} is being served by process ${used.usedBy.join(', ')}. Stop that first, or remove it anyway with --force.`,
    );
  }
  for (const model of models) {
    const { type, id, repository = '' } = model;
    const lock = type === 'converted' ? id : basename(repositoryFolder(home, repository));
    const release = await tryLock(lockPath(home, lock));
    if (release === undefined) {
      throw new VserveError('model_in_use', `Another vserve is working on ${model.name}. Wait for it to finish.`);
    }
    try {
      await (type === 'converted' ? removeFolder(home, model.path) : removeSnapshot(home, model));
    } finally {
      await release();
    }
  }
}

/** Removes a folder of the store: first from its place, in one step, so that no half of a model is ever found there. */
export async function removeFolder(home: string, path: string): Promise<void> {
  const doomed = join(home, 'converting', `removed.${randomUUID()}`);
  await makeFolder(join(home, 'converting'));
  await rename(path, doomed);
  await rm(doomed, { recursive: true, force: true });
}

/** Removes a snapshot and the blobs that no other snapshot of the repository uses; with the last one all of it. */
async function removeSnapshot(home: string, { repository = '', commit, path }: StoredModel): Promise<void> {
  const folder = repositoryFolder(home, repository);
  const { snapshots, blobs } = await readDownload(repository, folder);
  const others = snapshots.filter((snapshot) => snapshot.commit !== commit);
  if (others.length === 0) return removeFolder(home, folder);
  await removeFolder(home, path);
  await removeRefs(folder, commit);
  const kept = new Set(others.flatMap(({ files }) => files.map(({ blob }) => blob)));
  for (const blob of blobs) if (!kept.has(blob.name)) await rm(blob.path, { force: true });
}

async function removeRefs(folder: string, commit: string | undefined): Promise<void> {
  const refs = join(folder, 'refs');
  for (const entry of await readdir(refs, { recursive: true, withFileTypes: true }).catch(() => [])) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && (await readFile(path, 'utf8')).trim() === commit) await rm(path);
  }
}
