import { basename, dirname, join } from 'node:path';

/** A repository of the Hub at a commit. */
export interface RepositoryCommit {
  /** `org/name` */
  readonly repository: string;
  readonly commit: string;
}

/**
 * The repository that a folder is a snapshot of, from its path: `…/models--<org>--<name>/snapshots/<commit>`, as in
 * Hugging Face's own cache and the store's `hub/`. Undefined for any other folder.
 */
export function repositoryOf(folder: string): RepositoryCommit | undefined {
  const snapshots = dirname(folder);
  const repository = repositoryNamed(basename(dirname(snapshots)));
  if (repository === undefined || basename(snapshots) !== 'snapshots') return undefined;
  return { repository, commit: basename(folder) };
}

/** The name of a model whose folder is named by a commit; undefined if the folder's own name says more. */
export function modelNameOf(folder: string): string | undefined {
  const repository = repositoryOf(folder)?.repository;
  return repository === undefined ? undefined : basename(repository);
}

/** The repository whose folder in `hub/` has this name; undefined for any other name. */
export function repositoryNamed(folderName: string): string | undefined {
  const match = /^models--(.+)$/.exec(folderName);
  return match?.[1]?.replace('--', '/');
}

/** Folder of a repository in the store. */
export function repositoryFolder(home: string, repository: string): string {
  return join(home, 'hub', `models--${repository.replace('/', '--')}`);
}
