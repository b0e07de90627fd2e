import { VserveError } from '../errors/index.ts';
import type { CacheFolder } from './cache-folder.ts';
import type { HubConnection } from './connection.ts';
import type { DownloadRequest } from './download-request.ts';
import { isCommit } from './names.ts';
import type { RemoteFile } from './remote-file.ts';
import { listRepository, resolveCommit } from './repository.ts';

/** A repository at a commit. */
export interface OpenRepository {
  readonly commit: string;
  readonly files: readonly RemoteFile[];
  /** False if the Hub was not asked or did not respond: then only what is on the disk can be used. */
  readonly isOnline: boolean;
}

/**
 * Resolves a revision to its commit and files: from the Hub or, offline, as last seen. Throws `model_unavailable` if it
 * is not on the disk either, and what requests throw.
 */
export async function openRepository(
  request: DownloadRequest,
  connection: HubConnection,
  own: CacheFolder,
  shared: CacheFolder,
): Promise<OpenRepository> {
  const { repository, revision, settings, onEvent } = request;
  if (settings.offline) {
    const known = await openOffline(request, own, shared);
    if (known !== undefined) return known;
    throw new VserveError(
      'model_unavailable',
      `${repository} (${revision}) is not on this machine, and HF_HUB_OFFLINE prevents the download. Unset it, or copy the model here.`,
      { param: 'model' },
    );
  }
  try {
    const listed = isCommit(revision) ? await own.readListing(revision) : undefined;
    if (listed !== undefined) return { commit: revision, files: listed, isOnline: true };
    const commit = await resolveCommit(repository, revision, settings.endpoint, connection);
    const files =
      (await own.readListing(commit)) ?? (await listRepository(repository, commit, settings.endpoint, connection));
    return { commit, files, isOnline: true };
  } catch (error) {
    if (!(error instanceof VserveError) || error.code !== 'hub_unreachable') throw error;
    const known = await openOffline(request, own, shared);
    if (known === undefined) {
      const [reason = ''] = error.message.split('\n');
      const advice = `${repository} (${revision}) is not on this machine either. Check the network and its proxies, then run the command again.`;
      throw new VserveError('hub_unreachable', `${reason}\n${advice}`, { cause: error });
    }
    const message = `${settings.endpoint} does not respond: using ${repository} as last fetched (commit ${known.commit.slice(0, 8)}).`;
    onEvent({ type: 'warning', message });
    return known;
  }
}

async function openOffline(
  { revision }: DownloadRequest,
  own: CacheFolder,
  shared: CacheFolder,
): Promise<OpenRepository | undefined> {
  for (const cache of [own, shared]) {
    const commit = await cache.commitOf(revision);
    if (commit === undefined) continue;
    const files = (await own.readListing(commit)) ?? (await cache.snapshotFiles(commit));
    if (files.length > 0) return { commit, files, isOnline: false };
  }
  return undefined;
}
