import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { listAdapters } from './adapters/adapter-manifest.ts';
import { listConversions } from './conversions/conversions.ts';
import { outputsOf } from './conversions/manifest.ts';
import { listDownloads } from './downloads/downloads.ts';
import { repositoryOf } from './downloads/snapshot.ts';
import { usesOf } from './locks/uses.ts';

/** A model in the store, or a LoRA adapter. */
export interface StoredModel {
  readonly type: 'converted' | 'download' | 'adapter';
  /** The argument of `rm`: the key of a conversion or of an adapter, the repository and commit of a download. */
  readonly id: string;
  /** `org/name`, or the path of the folder it was converted from. */
  readonly name: string;
  readonly repository?: string | undefined;
  readonly commit?: string | undefined;
  readonly precision?: string | undefined;
  readonly bytes: number;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Its folder; of an adapter, its file. */
  readonly path: string;
  /** Ids of the processes that serve it. */
  readonly usedBy: readonly number[];
}

/** All that the store has, sorted by name: downloads, then conversions and adapters. What is unreadable is skipped. */
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
  const adapters = (await listAdapters(home)).map(async ({ key, path, manifest }): Promise<StoredModel | undefined> => {
    if (manifest === undefined) return undefined;
    const { adapterDir, createdAt, bytes } = manifest;
    const origin = repositoryOf(adapterDir);
    return {
      type: 'adapter',
      id: key,
      name: origin?.repository ?? adapterDir,
      ...origin,
      bytes,
      createdAt,
      path,
      // Servers have it in memory, and convert it again when they need its file.
      usedBy: [],
    };
  });
  const models = await Promise.all([...downloads, ...conversions, ...adapters]);
  return models
    .filter((model) => model !== undefined)
    .toSorted((a, b) => a.name.localeCompare(b.name) || b.type.localeCompare(a.type) || b.bytes - a.bytes);
}
