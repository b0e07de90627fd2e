import type { DownloadedModel, DownloadRequest } from './download-request.ts';
import { announce, withPlan } from './plan.ts';

/**
 * Downloads the files of a model and returns the folder that holds them. No two processes may do this for one
 * repository at the same time. Throws the errors of unsuccessful responses (`answerError`), `hub_unreachable`,
 * `hub_invalid_answer`, `download_corrupt`, `disk_full`, what `chooseFiles` throws, the system's error of a disk, and
 * the signal's reason. What was fetched stays, and the next call resumes from there.
 */
export async function downloadModel(request: DownloadRequest): Promise<DownloadedModel> {
  return withPlan(request, 'download', async (plan) => {
    const { own, contents, opened, chosen } = plan;
    await announce(request, plan);
    request.signal.throwIfAborted();
    const { commit, files, isOnline } = opened;
    if (isOnline) await own.writeListing(commit, files);
    const places = await contents.fetchAll(chosen.files);
    // The weights come last in the list: once their links exist, everything does.
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

/** Reports what `downloadModel` would fetch as the event `plan`, and writes nothing. Throws the same errors. */
export async function previewDownload(request: DownloadRequest): Promise<void> {
  await withPlan(request, 'preview', (plan) => announce(request, plan));
}
