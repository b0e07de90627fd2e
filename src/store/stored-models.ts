import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { listConversions } from './conversions/conversions.ts';
import { outputsOf } from './conversions/manifest.ts';
import { listDownloads } from './downloads/downloads.ts';
import { usesOf } from './locks/uses.ts';

/** A model in the store. */
export interface StoredModel {
  readonly type: 'converted' | 'download';
  /** The argument of `rm` and `show`: the key of a conversion, the repository and commit of a download. */
  readonly id: string;
  /** `org/name`, or the path of the folder it was converted from. */
  readonly name: string;
  readonly repository?: string | undefined;
  readonly commit?: string | undefined;
  readonly precision?: string | undefined;
  readonly bytes: number;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Its folder. */
  readonly path: string;
  /** Ids of the processes that serve it. */
  readonly usedBy: readonly number[];
}

/** Every model in the store, sorted by name: downloads, then conversions. Unreadable conversions are skipped. */
export async function listModels(home: string): Promise<StoredModel[]> {
  const downloads = (await listDownloads(home)).flatMap(({ repository, path, snapshots }) =>
    snapshots.map(async (snapshot): Promise<StoredModel> => {
      const uses = await usesOf(home, basename(path));
      return {
        type: 'download',
        id: `${repository}@${snapshot.commit}`,
        name: repository,
        repository,
        commit: snapshot.commit,
        bytes: snapshot.files.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
        createdAt: (await stat(snapshot.path)).mtime.toISOString(),
        path: snapshot.path,
        usedBy: uses.map(({ pid }) => pid),
      };
    }),
  );
  const conversions = (await listConversions(home)).map(
    async ({ key, path, manifest }): Promise<StoredModel | undefined> => {
      if (manifest === undefined) return undefined;
      const { source, settings, createdAt } = manifest;
      const uses = await usesOf(home, basename(path));
      return {
        type: 'converted',
        id: key,
        name: source.repository ?? source.path,
        repository: source.repository,
        commit: source.commit,
        precision: settings.precision,
        bytes: outputsOf(manifest).reduce((sum, { bytes }) => sum + bytes, 0),
        createdAt,
        path,
        usedBy: uses.map(({ pid }) => pid),
      };
    },
  );
  const models = await Promise.all([...downloads, ...conversions]);
  return models
    .filter((model) => model !== undefined)
    .toSorted((a, b) => a.name.localeCompare(b.name) || b.type.localeCompare(a.type) || b.bytes - a.bytes);
}
