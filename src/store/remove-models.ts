import { randomUUID } from 'node:crypto';
import { readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { VserveError } from '../errors/index.ts';
import { removeAdapter } from './adapters/adapter-manifest.ts';
import { makeFolder } from './disk/folders.ts';
import { readDownload } from './downloads/downloads.ts';
import { repositoryFolder } from './downloads/snapshot.ts';
import { lockPath, tryLock } from './locks/lock.ts';
import { listModels } from './stored-models.ts';
import type { StoredModel } from './stored-models.ts';

/** Keys may be abbreviated down to this length. */
const SHORTEST_KEY = 4;

/**
 * The models and adapters of the store that `target` names: a repository (`org/name`, all of it), one of its commits
 * (`org/name@commit`), the key of a conversion or its beginning, the folder of a model or the file of an adapter, or the
 * folder that it was converted from. Throws `model_unavailable` if there is none, or if an abbreviated key is ambiguous.
 */
export async function findStored(home: string, target: string): Promise<StoredModel[]> {
  const models = await listModels(home);
  const path = resolve(target);
  const named = models.filter(
    (model) =>
      [model.id, model.repository].includes(target) ||
      model.path === path ||
      (model.type !== 'download' && model.name === path),
  );
  if (named.length > 0) return named;
  const isKey = target.length >= SHORTEST_KEY && /^[0-9a-f]+$/.test(target);
  const found = isKey ? models.filter(({ type, id }) => type !== 'download' && id.startsWith(target)) : [];
  if (found.length === 1) return found;
  const reason =
    found.length === 0
      ? 'is not a model in the store. "vserve list" shows its models'
      : `is ambiguous: ${found.map(({ id }) => id).join(', ')}. Give more digits`;
  throw new VserveError('model_unavailable', `${JSON.stringify(target)} ${reason}.`, { param: 'model' });
}

/**
 * Removes models from the store, except those being served, whose files may be read at any time; `force` removes them
 * too. Throws `model_in_use`, naming the processes, before anything is removed.
 */
export async function removeModels(home: string, models: readonly StoredModel[], force: boolean): Promise<void> {
  const used = models.find(({ usedBy }) => usedBy.length > 0);
  if (used !== undefined && !force) {
    throw new VserveError(
      'model_in_use',
      `${used.name} is being served by process ${used.usedBy.join(', ')}. Stop it first, or use --force.`,
    );
  }
  for (const model of models) {
    const { type, id, repository = '' } = model;
    const lock = type === 'download' ? basename(repositoryFolder(home, repository)) : id;
    const release = await tryLock(lockPath(home, lock));
    if (release === undefined) {
      throw new VserveError('model_in_use', `Another vserve is working on ${model.name}. Wait for it to finish.`);
    }
    try {
      await removers[type](home, model);
    } finally {
      await release();
    }
  }
}

const removers: Readonly<Record<StoredModel['type'], (home: string, model: StoredModel) => Promise<void>>> = {
  converted: removeConversion,
  download: removeSnapshot,
  adapter: (_, { path }) => removeAdapter(path),
};

/** With the last conversion of an adapter and its base model, the links to both go. */
async function removeConversion(home: string, { path, name }: StoredModel): Promise<void> {
  await removeFolder(home, path);
  const merge = dirname(name);
  const isMerged = dirname(merge) === join(await realpath(home), 'adapted');
  if (!isMerged || (await listModels(home)).some((other) => other.name === name)) return;
  await rm(merge, { recursive: true, force: true });
}

/** Removes a folder of the store. It is renamed first, so that no partial model is ever found in its place. */
export async function removeFolder(home: string, path: string): Promise<void> {
  const doomed = join(home, 'converting', `removed.${randomUUID()}`);
  await makeFolder(join(home, 'converting'));
  await rename(path, doomed);
  await rm(doomed, { recursive: true, force: true });
}

/** Removes a snapshot and the blobs that no other snapshot uses; with the last snapshot, the whole repository. */
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
