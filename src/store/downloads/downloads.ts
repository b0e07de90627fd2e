import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { CacheFolder } from '../../hub/cache-folder.ts';
import type { FileHash } from '../../hub/index.ts';
import { namesIn } from '../disk/folders.ts';
import { repositoryNamed } from './snapshot.ts';
import type { RepositoryCommit } from './snapshot.ts';

/** A repository in `hub/`, in the layout of Hugging Face's cache: `blobs/`, `refs/`, `snapshots/<commit>/`. */
export interface Download {
  readonly repository: string;
  readonly path: string;
  readonly snapshots: readonly Snapshot[];
  /** The contents of `blobs/`, including parts of downloads. */
  readonly blobs: readonly Blob[];
}

/** The files of a repository at a commit, mostly links into `blobs/`. */
export interface Snapshot {
  readonly commit: string;
  readonly path: string;
  readonly files: readonly SnapshotFile[];
}

export interface SnapshotFile {
  /** Its path within the snapshot. */
  readonly name: string;
  /** The name of its blob; undefined for a file that is not a link. */
  readonly blob: string | undefined;
  /** What the Hub listed for it, else the name of its blob; undefined if neither exists. */
  readonly hash: FileHash | undefined;
  /** The real path of its content; this and the size are undefined for a broken link. */
  readonly target: string | undefined;
  readonly bytes: number | undefined;
}

export interface Blob {
  /** The SHA-256 of the content, or git's hash of it; for a part of a download with a suffix. */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly mtimeMs: number;
}

/** Every repository in the store, sorted by name. */
export async function listDownloads(home: string): Promise<Download[]> {
  const folder = join(home, 'hub');
  const downloads: Download[] = [];
  for (const name of await namesIn(folder)) {
    const repository = repositoryNamed(name);
    if (repository !== undefined) downloads.push(await readDownload(repository, join(folder, name)));
  }
  return downloads;
}

/** Reads what the store holds of a repository. */
export async function readDownload(repository: string, path: string): Promise<Download> {
  const commits = await namesIn(join(path, 'snapshots'));
  const snapshots = await Promise.all(
    commits.map(async (commit) =>
      readSnapshot(join(path, 'snapshots', commit), await listedHashes(path, { repository, commit })),
    ),
  );
  const names = await namesIn(join(path, 'blobs'));
  const blobs = await Promise.all(
    names.map(async (name) => {
      const { size: bytes, mtimeMs } = await lstat(join(path, 'blobs', name));
      return { name, path: join(path, 'blobs', name), bytes, mtimeMs };
    }),
  );
  return { repository, path, snapshots, blobs };
}

/** The snapshot that `refs/main` names, else the newest. */
export async function currentSnapshot({ path, snapshots }: Download): Promise<Snapshot | undefined> {
  const main = await readFile(join(path, 'refs', 'main'), 'utf8').catch(() => '');
  const named = snapshots.find(({ commit }) => commit === main.trim());
  if (named !== undefined) return named;
  const times = await Promise.all(snapshots.map(async (snapshot) => (await stat(snapshot.path)).mtimeMs));
  return snapshots[times.indexOf(Math.max(...times))];
}

/** The hash in the name of a blob: SHA-256, or git's. Undefined for any other name. */
export function hashNamed(name: string): FileHash | undefined {
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(name)) return undefined;
  return { algorithm: name.length === 40 ? 'git' : 'sha256', digest: name };
}

/** The hashes that the Hub listed for a repository at a commit, by path; none if it was never asked. */
export async function listedHashes(
  folder: string,
  { repository, commit }: RepositoryCommit,
): Promise<ReadonlyMap<string, FileHash>> {
  const listing = await new CacheFolder(dirname(folder), repository).readListing(commit);
  return new Map(listing?.map(({ path, hash }) => [path, hash]));
}

async function readSnapshot(path: string, listed: ReadonlyMap<string, FileHash>): Promise<Snapshot> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries
    .filter((entry) => !entry.isDirectory())
    .map(async (entry): Promise<SnapshotFile> => {
      const file = join(entry.parentPath, entry.name);
      const found = await stat(file).catch(() => undefined);
      const target = found === undefined ? undefined : await realpath(file);
      const name = relative(path, file);
      const blob = entry.isSymbolicLink() && target !== undefined ? basename(target) : undefined;
      return {
        name,
        blob,
        hash: listed.get(name.replaceAll(sep, '/')) ?? hashNamed(blob ?? ''),
        target,
        bytes: found?.size,
      };
    });
  return { commit: basename(path), path, files: await Promise.all(files) };
}
