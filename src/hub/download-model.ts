import { CacheFolder } from './cache-folder.ts';
import { chooseFiles, findNamed } from './choose-files.ts';
import type { ChosenFiles } from './choose-files.ts';
import { HubConnection } from './connection.ts';
import { Contents } from './contents.ts';
import type { DownloadedModel, DownloadRequest } from './download-request.ts';
import { HashThread } from './hash-thread.ts';
import { defaultTuning } from './hub-settings.ts';
import { requireRevision, requireSafePath } from './names.ts';
import { openRepository } from './open-repository.ts';
import type { OpenRepository } from './open-repository.ts';
import { requireSpace } from './space.ts';

/**
 * Brings the files of a model from the Hub to the disk and gives the folder that has them. Two processes may not do this
 * for one repository at the same time. Throws the errors of a refusal (`answerError`), `hub_unreachable`,
 * `hub_invalid_answer`, `download_corrupt`, `disk_full`, what `chooseFiles` throws, the system's error of a disk, and
 * the signal's reason. What was fetched stays, and the next call goes on from there.
 */
export async function downloadModel(request: DownloadRequest): Promise<DownloadedModel> {
  return withPlan(request, 'download', async ({ own, contents, opened, chosen }) => {
    const { commit, files, isOnline } = opened;
    if (isOnline) await own.writeListing(commit, files);
    const places = await contents.fetchAll(chosen.files);
    // The weights come last in the list: where their links are, all is there.
    for (const [file, place] of chosen.files.map((file) => [file, places.get(file)] as const)) {
      if (place !== undefined) await own.link(commit, file.path, place);
    }
    if (isOnline) await own.setCommit(request.revision, commit);
    return {
      folder: own.snapshot(commit),
      repository: request.repository,
      commit,
      files: chosen.files,
      gguf: chosen.gguf && { model: chosen.gguf.model.path, mmproj: chosen.gguf.mmproj?.path },
    };
  });
}

/**
 * Finds out what `downloadModel` would fetch, tells it by the event `plan`, and writes nothing. Throws the same errors.
 */
export async function previewDownload(request: DownloadRequest): Promise<void> {
  await withPlan(request, 'preview', async () => undefined);
}

interface Plan {
  readonly own: CacheFolder;
  readonly contents: Contents;
  readonly opened: OpenRepository;
  readonly chosen: ChosenFiles;
}

/** Finds out which files are wanted, tells of them, checks that there is room for them, and goes on with `work`. */
async function withPlan<T>(
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
        : await chooseFiles(repository, opened.files, choice, (file) =>
            purpose === 'download' ? contents.fetchText(file) : contents.readText(file),
          );
    for (const { path } of chosen.files) requireSafePath(path);
    await announce(request, opened, chosen, contents);
    signal.throwIfAborted();
    return await work({ own, contents, opened, chosen });
  } finally {
    await Promise.all([connection.close(), thread.close()]);
  }
}

async function announce(
  { repository, folder, conversionBytes, onEvent }: DownloadRequest,
  { commit }: OpenRepository,
  { files: wanted, weightBytes, reason }: ChosenFiles,
  contents: Contents,
): Promise<void> {
  const files = await Promise.all(
    wanted.map(async (file) => ({ path: file.path, bytes: file.bytes, bytesDone: await contents.bytesHere(file) })),
  );
  onEvent({ type: 'plan', repository, commit, reason, files });
  const downloadBytes = files.reduce((sum, { bytes, bytesDone }) => sum + bytes - bytesDone, 0);
  await requireSpace(folder, { repository, downloadBytes, conversionBytes: conversionBytes(weightBytes) });
}
