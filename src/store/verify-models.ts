import { readFile, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import type { Backend, LogLevel } from '../backend/index.ts';
import { messageOf, VserveError } from '../errors/index.ts';
import { conversionKey, identifyCheckpoint } from './checkpoint-identity.ts';
import { convertOnce } from './convert-once.ts';
import { listConversions } from './conversions.ts';
import type { StoredConversion } from './conversions.ts';
import type { AskedPrecisions, ConversionProgress, Converter, Precision } from './converter.ts';
import { listDownloads } from './downloads.ts';
import type { Download } from './downloads.ts';
import { hashFile } from './hash-file.ts';
import { needsQuantizer } from './make-model.ts';
import { outputsOf } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { removeFolder } from './remove-models.ts';
import type { RepositoryCommit } from './snapshot.ts';

export interface VerifyOptions {
  readonly home: string;
  /** Folders of the models to look at; undefined looks at all. */
  readonly paths: readonly string[] | undefined;
  /** Brings the converter whose `converterVersion`, now or formerly, a manifest has. */
  readonly loadConverter: (converterVersion: string) => Promise<Converter>;
  readonly loadBackend: () => Promise<Backend>;
  /** Fetches files of a snapshot, by their paths within it. */
  readonly fetchAgain: (snapshot: RepositoryCommit, paths: readonly string[]) => Promise<void>;
  readonly onFile: (path: string) => void;
  readonly onProgress: (progress: ConversionProgress) => void;
  readonly log: (level: LogLevel, message: string) => void;
  readonly signal: AbortSignal;
}

/** A file of the store, and what came of looking at it. */
export interface VerifiedFile {
  /** `removed`: it was damaged, and could not be fetched. `missing`: it was not there, and could not be fetched. */
  readonly result: 'ok' | 'repaired' | 'removed' | 'missing' | 'damaged';
  readonly path: string;
  /** What to do about it; empty where there is nothing. */
  readonly advice: string;
}

/**
 * Computes the hashes of everything in the store again. What is damaged of a download is removed and fetched; a damaged
 * conversion is made again from its checkpoint. Where that fails, the file's advice says why, and the others are looked
 * at all the same.
 */
export async function verifyModels(options: VerifyOptions): Promise<VerifiedFile[]> {
  const { home, paths } = options;
  const results: VerifiedFile[] = [];
  for (const download of await listDownloads(home)) {
    if (paths === undefined || download.snapshots.some(({ path }) => paths.includes(path))) {
      results.push(...(await verifyDownload(download, options)));
    }
  }
  for (const conversion of await listConversions(home)) {
    if (paths === undefined || paths.includes(conversion.path)) {
      results.push(...(await verifyConversion(conversion, options)));
    }
  }
  return results;
}

async function verifyDownload(
  download: Download,
  { fetchAgain, onFile, signal }: VerifyOptions,
): Promise<VerifiedFile[]> {
  const { repository, snapshots } = download;
  const results: VerifiedFile[] = [];
  const lost = new Set<string>();
  for (const [name, path] of contentsOf(download)) {
    onFile(path);
    if ((await hashFile(path, name.length === 40 ? 'git' : 'sha256', signal)) === name) {
      results.push({ result: 'ok', path, advice: '' });
    } else {
      await removeContent(download, name);
      lost.add(name);
    }
  }
  for (const { commit, path, files } of snapshots) {
    const missing = files.filter(({ blob, bytes }) => bytes === undefined || (blob !== undefined && lost.has(blob)));
    if (missing.length === 0) continue;
    const paths = missing.map(({ name }) => name.replaceAll(sep, '/'));
    const failure = await fetchAgain({ repository, commit }, paths).then(
      () => undefined,
      (error: unknown) => {
        signal.throwIfAborted();
        return `It cannot be fetched now: ${messageOf(error)}\nWhen it can, run "vserve verify" again.`;
      },
    );
    for (const { name, bytes } of missing) {
      const left = bytes === undefined ? 'missing' : 'removed';
      const result = failure === undefined ? 'repaired' : left;
      results.push({ result, path: join(path, name), advice: failure ?? '' });
    }
  }
  return results;
}

/** What a repository's files hold, by hash: its own blobs, and what its links lead to in another program's cache. */
function contentsOf({ blobs, snapshots }: Download): Map<string, string> {
  const linked = snapshots.flatMap(({ files }) =>
    files.flatMap(({ blob = '', target = '' }): [string, string][] => [[blob, target]]),
  );
  const own = blobs.map(({ name, path }): [string, string] => [name, path]);
  return new Map([...linked, ...own].filter(([name]) => /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(name)));
}

/** Removes a blob; what belongs to another program is left alone, and the links to it lead to a blob of ours to come. */
async function removeContent({ path, blobs, snapshots }: Download, name: string): Promise<void> {
  const own = join(path, 'blobs', name);
  if (blobs.some((blob) => blob.name === name)) return rm(own, { force: true });
  for (const snapshot of snapshots) {
    for (const file of snapshot.files.filter(({ blob }) => blob === name)) {
      const link = join(snapshot.path, file.name);
      await rm(link);
      await symlink(relative(dirname(link), own), link, 'file');
    }
  }
}

async function verifyConversion({ key, path, manifest }: StoredConversion, options: VerifyOptions) {
  const { home, onFile, signal } = options;
  if (manifest === undefined) {
    const advice = 'Its manifest cannot be read; "vserve gc" removes it.';
    return [{ result: 'damaged' as const, path, advice }];
  }
  const results: VerifiedFile[] = [];
  for (const { file, sha256 } of outputsOf(manifest)) {
    const output = join(path, file);
    onFile(output);
    const found = await stat(output).catch(() => undefined);
    const isWhole = found !== undefined && (await hashFile(output, 'sha256', signal)) === sha256;
    results.push({ result: isWhole ? 'ok' : 'damaged', path: output, advice: '' });
  }
  if (results.every(({ result }) => result === 'ok')) return results;
  const repaired = await makeAgain(key, path, manifest, options).then(
    () => ({ result: 'repaired' as const, advice: '' }),
    (error: unknown) => {
      signal.throwIfAborted();
      const advice = `It cannot be made again: ${messageOf(error)} Remove it with: vserve rm ${key}`;
      return { result: 'damaged' as const, advice };
    },
  );
  options.log('debug', `${basename(path)} in ${home}: ${repaired.result}`);
  return results.map((file) => (file.result === 'ok' ? file : { ...file, ...repaired }));
}

/** Makes a conversion again, in its place. Throws `checkpoint_invalid` where what it was made from is not the same. */
async function makeAgain(key: string, path: string, manifest: Manifest, options: VerifyOptions): Promise<void> {
  const { source: made, settings, description } = manifest;
  const converter = await options.loadConverter(settings.converterVersion);
  const quantizer = needsQuantizer(settings.precision) ? (await options.loadBackend()).quantizer : undefined;
  const source = await identifyCheckpoint(made.path, converter);
  const versions = { converterVersion: converter.converterVersion, quantizerVersion: quantizer?.version };
  if (conversionKey(source, { ...settings, ...versions }) !== key) {
    throw new VserveError('checkpoint_invalid', `${made.path} or the converter is not what it was made from and by.`);
  }
  // What the converter needs may be gone, and what is damaged is better than nothing.
  const config = await readFile(join(made.path, 'config.json'), 'utf8');
  await converter.checkConfig(JSON.parse(config) as Readonly<Record<string, unknown>>);
  await removeFolder(options.home, path);
  const { precision, mmprojOuttype = 'auto' } = settings;
  const asked: AskedPrecisions & { precision: Precision } = { precision, mmprojOuttype };
  await convertOnce({ ...options, ...asked, sourceDir: made.path, source, description, converter, quantizer });
}
