import { randomUUID } from 'node:crypto';
import {
  copyFile,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { systemErrorCode } from '../errors/index.ts';
import { isCommit, repositoryFolderName } from './names.ts';
import type { RemoteFile } from './remote-file.ts';

/**
 * A repository in a cache with Hugging Face's layout: `blobs/<hash>` holds contents, `snapshots/<commit>/<path>` are
 * links to them, and `refs/<revision>` names the commit that a branch or tag pointed to. In addition,
 * `listings/<commit>.json` is what the Hub listed for a commit.
 */
export class CacheFolder {
  readonly path: string;

  constructor(cache: string, repository: string) {
    this.path = join(cache, repositoryFolderName(repository));
  }

  /** The path of a file's content, present or not. */
  blob({ hash }: RemoteFile): string {
    return join(this.path, 'blobs', hash.digest);
  }

  snapshot(commit: string): string {
    return join(this.path, 'snapshots', commit);
  }

  /** Whether the content of a file is present, judged by its size: blobs are verified before they get their name. */
  async hasBlob(file: RemoteFile): Promise<boolean> {
    return (await sizeOf(this.blob(file))) === file.bytes;
  }

  /** Whether a file of a snapshot is present, wherever its link points. */
  async hasFile(commit: string, { path, bytes }: RemoteFile): Promise<boolean> {
    return (await sizeOf(join(this.snapshot(commit), path))) === bytes;
  }

  /** The path of the content of a file of a snapshot: the target of its link, or the file itself. */
  async contentPath(commit: string, { path }: RemoteFile): Promise<string> {
    const place = join(this.snapshot(commit), path);
    return (await lstat(place)).isSymbolicLink() ? realpath(place) : place;
  }

  /**
   * The files of a snapshot, from its links: their targets are named by hash. Broken links and files that are not links
   * are skipped.
   */
  async snapshotFiles(commit: string): Promise<RemoteFile[]> {
    const folder = this.snapshot(commit);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    const files: RemoteFile[] = [];
    for (const entry of entries.filter((candidate) => candidate.isSymbolicLink())) {
      const place = join(entry.parentPath, entry.name);
      const bytes = await sizeOf(place);
      const digest = bytes === undefined ? '' : basename(await realpath(place));
      if (bytes === undefined || !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(digest)) continue;
      const path = relative(folder, place).replaceAll('\\', '/');
      files.push({ path, bytes, hash: { algorithm: digest.length === 40 ? 'git' : 'sha256', digest } });
    }
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** What the Hub listed for a commit, which never changes; undefined if it was never requested. */
  async readListing(commit: string): Promise<RemoteFile[] | undefined> {
    try {
      const { listingSchema } = await import('./remote-file.ts');
      return listingSchema.parse(JSON.parse(await readFile(this.#listing(commit), 'utf8')));
    } catch {
      return undefined;
    }
  }

  /** Stores what the Hub listed for a commit. */
  async writeListing(commit: string, files: readonly RemoteFile[]): Promise<void> {
    await mkdir(dirname(this.#listing(commit)), { recursive: true });
    await replace(this.#listing(commit), (temporary) => writeFile(temporary, JSON.stringify(files)));
  }

  /** The commit that a revision pointed to when it was last resolved. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const text = await readFile(join(this.path, 'refs', ...revision.split('/')), 'utf8').catch(() => '');
    return isCommit(text.trim()) ? text.trim() : undefined;
  }

  /** Records which commit a revision points to. */
  async setCommit(revision: string, commit: string): Promise<void> {
    if (isCommit(revision)) return;
    const path = join(this.path, 'refs', ...revision.split('/'));
    await mkdir(dirname(path), { recursive: true });
    await replace(path, (temporary) => writeFile(temporary, commit));
  }

  async makeBlobs(): Promise<void> {
    await mkdir(join(this.path, 'blobs'), { recursive: true });
  }

  /**
   * Links `path` of a snapshot to a content: by a symbolic link, relative within this folder; by a hard link or a copy
   * on a file system without symbolic links.
   */
  async link(commit: string, path: string, content: string): Promise<void> {
    const place = join(this.snapshot(commit), path);
    await mkdir(dirname(place), { recursive: true });
    // A file that is not a link is its own content, and stays.
    if (content === place) return;
    const isOwn = content.startsWith(this.path);
    const target = isOwn ? relative(dirname(place), content) : await realpath(content);
    // Not created again: the folder's date is that of the download.
    if ((await readlink(place).catch(() => undefined)) === target) return;
    await replace(place, async (temporary) => {
      const attempts = [
        () => symlink(target, temporary, 'file'),
        () => link(content, temporary),
        () => copyFile(content, temporary),
      ];
      for (const [index, attempt] of attempts.entries()) {
        const failure = await attempt().then(
          () => undefined,
          (error: unknown) => ({ error }),
        );
        if (failure === undefined) return;
        if (index === attempts.length - 1) throw failure.error;
      }
    });
  }

  #listing(commit: string): string {
    return join(this.path, 'listings', `${commit}.json`);
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : undefined;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemErrorCode(error) ?? '')) return undefined;
    throw error;
  }
}

/** Replaces a file with one rename. */
async function replace(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    await make(temporary);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}
