import { readdir, realpath, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { adapterKey, listAdapters, originOf, removeAdapter } from './adapters/adapter-manifest.ts';
import type { AdapterManifest } from './adapters/adapter-manifest.ts';
import { listConversions } from './conversions/conversions.ts';
import { namesIn } from './disk/folders.ts';
import { listDownloads } from './downloads/downloads.ts';
import type { Download } from './downloads/downloads.ts';
import { keyOf, leftovers, withoutOwner } from './locks/leftovers.ts';
import { lockPath, tryLock } from './locks/lock.ts';
import { staleUses, usesOf } from './locks/uses.ts';
import { removeFolder } from './remove-models.ts';

/** An interrupted pull can be resumed for this long. */
const PULL_PATIENCE_MS = 24 * 60 * 60 * 1000;

/** Something in the store that is no longer needed. */
export interface Garbage {
  readonly path: string;
  readonly bytes: number;
  readonly reason: string;
}

export interface GarbageOptions {
  readonly home: string;
  /** Conversions by any other version are garbage. */
  readonly converterVersions: readonly string[];
  /** Only report. */
  readonly isDryRun: boolean;
}

/**
 * Removes what is no longer needed: work left behind by a killed process, conversions by another version of the
 * converter or without a readable manifest, adapters whose originals have changed or are gone, parts of downloads that
 * belong to no snapshot. What another process works on or serves stays.
 */
export async function collectGarbage(options: GarbageOptions): Promise<Garbage[]> {
  const found = [
    ...(await abandonedWork(options)),
    ...(await oldConversions(options)),
    ...(await oldAdapters(options)),
    ...(await brokenMerges(options)),
    ...(await orphanedBlobs(options)),
  ];
  if (!options.isDryRun) {
    await Promise.all((await staleUses(options.home)).map((path) => rm(path, { force: true })));
    await releaseStaleLocks(options.home);
  }
  return found;
}

async function abandonedWork({ home, isDryRun }: GarbageOptions): Promise<Garbage[]> {
  const found: Garbage[] = [];
  for (const name of await leftovers(home)) {
    await withoutOwner(home, keyOf(name), async () => {
      const path = join(home, 'converting', name);
      found.push({ path, bytes: await folderBytes(path), reason: 'left behind by a process that has ended' });
      if (!isDryRun) await rm(path, { recursive: true, force: true });
    });
  }
  return found;
}

async function oldConversions({ home, converterVersions, isDryRun }: GarbageOptions): Promise<Garbage[]> {
  const found: Garbage[] = [];
  for (const { key, path, manifest } of await listConversions(home)) {
    const version = manifest?.settings.converterVersion;
    const isCurrent = version !== undefined && converterVersions.includes(version);
    if (isCurrent || (await usesOf(home, basename(path))).length > 0) continue;
    await withoutOwner(home, key, async () => {
      const reason = version === undefined ? 'has no readable manifest' : `made by version ${version} of the converter`;
      found.push({ path, bytes: await folderBytes(path), reason });
      if (!isDryRun) await removeFolder(home, path);
    });
  }
  return found;
}

async function oldAdapters({ home, converterVersions, isDryRun }: GarbageOptions): Promise<Garbage[]> {
  const found: Garbage[] = [];
  for (const { key, path, manifest } of await listAdapters(home)) {
    const reason = manifest === undefined ? 'has no readable manifest' : await whyOld(manifest, key, converterVersions);
    if (reason === undefined) continue;
    await withoutOwner(home, key, async () => {
      const bytes = await stat(path).then(
        ({ size }) => size,
        () => 0,
      );
      found.push({ path, bytes, reason });
      if (!isDryRun) await removeAdapter(path);
    });
  }
  return found;
}

/** Why nobody will ask for a converted adapter any more; undefined if somebody may. */
async function whyOld(
  { adapterDir, baseDir, converterVersion }: AdapterManifest,
  key: string,
  converterVersions: readonly string[],
): Promise<string | undefined> {
  if (!converterVersions.includes(converterVersion)) return `made by version ${converterVersion} of the converter`;
  const origin = await originOf(adapterDir, baseDir, converterVersion).catch(() => undefined);
  if (origin !== undefined && adapterKey(origin) === key) return undefined;
  return `${adapterDir} or its base model has changed or is gone`;
}

/** Folders of links to an adapter and its base model, one of which is gone. */
async function brokenMerges({ home, isDryRun }: GarbageOptions): Promise<Garbage[]> {
  const found: Garbage[] = [];
  const folder = join(home, 'adapted');
  for (const key of await namesIn(folder)) {
    const path = join(folder, key);
    if (!(await hasBrokenLink(path))) continue;
    found.push({ path, bytes: 0, reason: 'links to an adapter or a base model that is gone' });
    if (!isDryRun) await rm(path, { recursive: true, force: true });
  }
  return found;
}

async function hasBrokenLink(folder: string): Promise<boolean> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isSymbolicLink()) continue;
    const target = await realpath(join(entry.parentPath, entry.name)).catch(() => undefined);
    if (target === undefined) return true;
  }
  return false;
}

async function orphanedBlobs({ home, isDryRun }: GarbageOptions): Promise<Garbage[]> {
  const found: Garbage[] = [];
  for (const download of await listDownloads(home)) {
    await withoutOwner(home, basename(download.path), async () => {
      for (const { path, bytes } of orphansOf(download)) {
        found.push({ path, bytes, reason: 'belongs to no snapshot' });
        if (!isDryRun) await rm(path, { force: true, recursive: true });
      }
    });
  }
  return found;
}

function orphansOf({ snapshots, blobs }: Download) {
  const used = new Set(snapshots.flatMap(({ files }) => files.map(({ blob }) => blob)));
  const youngest = Date.now() - PULL_PATIENCE_MS;
  return blobs.filter(({ name, mtimeMs }) => !used.has(name) && mtimeMs < youngest);
}

/** Taking a lock breaks one whose owner has ended, and releasing it removes its files. */
async function releaseStaleLocks(home: string): Promise<void> {
  const names = await namesIn(join(home, 'locks'));
  for (const name of new Set(names.map((file) => file.replace(/\.(?:lock|owner)$/, '')))) {
    await (
      await tryLock(lockPath(home, name))
    )?.();
  }
}

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size),
  );
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}
