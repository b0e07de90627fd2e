import { VserveError } from '../errors/index.ts';

/** Whether a text is the id of a model on the Hub, `org/name`, by the rules of huggingface_hub's `validate_repo_id`. */
export function isRepositoryId(text: string): boolean {
  const parts = text.split('/');
  return parts.length === 2 && text.length <= 96 && parts.every(isIdPart);
}

/** Throws `model_unavailable` for a text that is not a Hub id. */
export function requireRepositoryId(text: string): void {
  if (isRepositoryId(text)) return;
  throw new VserveError(
    'model_unavailable',
    `${JSON.stringify(text)} is not a Hugging Face id. An id has the form org/name, with letters, digits, "-", "_" and ".".`,
    { param: 'model' },
  );
}

function isIdPart(part: string): boolean {
  return /^[a-z0-9_][a-z0-9._-]*$/i.test(part) && !/\.\.|--|[.-]$|\.git$/.test(part);
}

/** The name of a repository's folder in a cache, as in huggingface_hub: `models--org--name`. */
export function repositoryFolderName(repository: string): string {
  return `models--${repository.replace('/', '--')}`;
}

/**
 * Checks that a revision is a valid name of a branch, tag or commit (git's `check-ref-format`), which also makes it
 * safe as a path below `refs`. Throws `revision_not_found`.
 */
export function requireRevision(revision: string): void {
  const isName = /^[^\p{Cc}\s~^:?*[\\"<>|]{1,200}$/u.test(revision) && !/\.\.|@\{|\.lock$|\.$/.test(revision);
  if (isName && revision.split('/').every((part) => part !== '' && !/^[.-]/.test(part))) return;
  throw new VserveError(
    'revision_not_found',
    `${JSON.stringify(revision)} is not a valid revision. Set --huggingface-model-revision to a branch, a tag or a commit.`,
    { param: 'huggingfaceModelRevision' },
  );
}

/** Whether a revision is a full commit id, which never changes its files. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/**
 * Whether a path from the Hub names a file below the folder it is put in, on every platform: no absolute path, no `..`,
 * no control characters, nothing that Windows reads as a drive, a stream or a device.
 */
export function isSafePath(path: string): boolean {
  return path.length <= 512 && path.split('/').every(isSafeName);
}

/** Throws `hub_invalid_answer` for a path that is not safe. */
export function requireSafePath(path: string): void {
  if (isSafePath(path)) return;
  throw new VserveError(
    'hub_invalid_answer',
    `The repository lists a file ${JSON.stringify(path)}, which vserve does not write: the path may lead outside its folder.`,
  );
}

function isSafeName(name: string): boolean {
  const isPlain = /^[^\p{Cc}<>:"|?*\\/]{1,200}$/u.test(name) && !/^\.{1,2}$|[. ]$/.test(name);
  return isPlain && !/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(name);
}
