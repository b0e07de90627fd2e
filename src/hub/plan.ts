import { CacheFolder } from './cache-folder.ts';
import type { ChosenFiles, RepositoryReader } from './choice.ts';
import { chooseFiles, findNamed } from './choose-files.ts';
import { HubConnection } from './connection.ts';
import { Contents } from './contents.ts';
import type { DownloadRequest } from './download-request.ts';
import { HashThread } from './hash-thread.ts';
import { defaultTuning } from './hub-settings.ts';
import { isSafePath, requireRevision, requireSafePath } from './names.ts';
import { openRepository } from './open-repository.ts';
import type { OpenRepository } from './open-repository.ts';
import { requireSpace } from './space.ts';

/** What is known about a repository before anything is fetched from it. */
export interface Plan {
  readonly own: CacheFolder;
  readonly contents: Contents;
  readonly opened: OpenRepository;
  readonly chosen: ChosenFiles;
}

/**
 * Determines which files of a model are wanted, and continues with `work`. Throws the errors of unsuccessful responses
 * (`answerError`), `hub_unreachable`, `hub_invalid_answer`, and what `chooseFiles` throws.
 */
export async function withPlan<T>(
  request: DownloadRequest,
  purpose: 'download' | 'preview',
  work: (plan: Plan) => Promise<T>,
): Promise<T> {
  const { repository, revision, settings, userAgent, signal, onEvent, tuning = defaultTuning } = request;
  requireRevision(revision);
  const own = new CacheFolder(request.folder, repository);
  const shared = new CacheFolder(settings.cacheFolder, repository);
  const onRetry = (reason: string): void => onEvent({ type: 'retry', reason });
  const connection = new HubConnection({ settings, repository, revision, tuning, userAgent, signal, onRetry });
  const thread = new HashThread();
  try {
    const opened = await openRepository(request, connection, own, shared);
    const { commit, isOnline } = opened;
    const contents = new Contents({ request, commit, isOnline, own, shared, connection, thread, tuning });
    const { choice } = request;
    const chosen =
      'paths' in choice
        ? findNamed(repository, opened.files, choice)
        : await chooseFiles(repository, opened.files, choice, readerOf(contents, isOnline, purpose));
    for (const { path } of chosen.files) requireSafePath(path);
    signal.throwIfAborted();
    return await work({ own, contents, opened, chosen });
  } finally {
    await Promise.all([connection.close(), thread.close()]);
  }
}

function readerOf(contents: Contents, isOnline: boolean, purpose: 'download' | 'preview'): RepositoryReader {
  // A path that leads outside the repository's folder is not even looked up on the disk.
  return {
    readText: (file) => (purpose === 'download' ? contents.fetchText(file) : contents.readText(file)),
    readStart: async (file, maxBytes) => {
      requireSafePath(file.path);
      return contents.readStart(file, maxBytes);
    },
    isHere: isOnline
      ? undefined
      : async (file) => isSafePath(file.path) && (await contents.bytesHere(file)) === file.bytes,
  };
}

/** Reports what is wanted as the event `plan`, warns of surprises, and checks the disk space. Throws `disk_full`. */
export async function announce(
  { repository, folder, conversionBytes, onEvent }: DownloadRequest,
  { opened, chosen, contents }: Plan,
): Promise<void> {
  const { files: wanted, weightBytes, reason, warning } = chosen;
  const files = await Promise.all(
    wanted.map(async (file) => ({ path: file.path, bytes: file.bytes, bytesDone: await contents.bytesHere(file) })),
  );
  onEvent({ type: 'plan', repository, commit: opened.commit, reason, files });
  if (warning !== undefined) onEvent({ type: 'warning', message: warning });
  const downloadBytes = files.reduce((sum, { bytes, bytesDone }) => sum + bytes - bytesDone, 0);
  await requireSpace(folder, { repository, downloadBytes, conversionBytes: conversionBytes(weightBytes) });
}
