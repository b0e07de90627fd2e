import { readFile, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import type { Backend, LogLevel } from '../backend/index.ts';
import type { ConversionProgress, Converter } from '../conversion/index.ts';
import { messageOf, systemErrorCode, VserveError } from '../errors/index.ts';
import { parsePythonJson } from '../formats/python-json.ts';
import type { FileHash } from '../hub/index.ts';
import { listAdapters, removeAdapter } from './adapters/adapter-manifest.ts';
import type { StoredAdapter } from './adapters/adapter-manifest.ts';
import { conversionKey, identifyCheckpoint } from './conversions/checkpoint-identity.ts';
import { listConversions } from './conversions/conversions.ts';
import type { StoredConversion } from './conversions/conversions.ts';
import { convertOnce } from './conversions/convert-once.ts';
import { needsQuantizer } from './conversions/make-model.ts';
import { outputsOf } from './conversions/manifest.ts';
import type { Manifest } from './conversions/manifest.ts';
import type { AskedPrecisions, Precision } from './conversions/precision.ts';
import { hashFile } from './disk/hash-file.ts';
import { hashNamed, listDownloads } from './downloads/downloads.ts';
import type { Download, SnapshotFile } from './downloads/downloads.ts';
import type { RepositoryCommit } from './downloads/snapshot.ts';
import { removeFolder } from './remove-models.ts';

export interface VerifyOptions {
  readonly home: string;
  /** Folders of the models to verify; undefined for all. */
  readonly paths: readonly string[] | undefined;
  /** Loads the converter that a manifest's `converterVersion` belongs to, in its current version. */
  readonly loadConverter: (converterVersion: string) => Promise<Converter>;
  readonly loadBackend: () => Promise<Backend>;
  /** Fetches files of a snapshot, by their paths within it. */
  readonly fetchAgain: (snapshot: RepositoryCommit, paths: readonly string[]) => Promise<void>;
  /** Called before a file is read, with the fraction of all bytes read so far. */
  readonly onFile: (path: string, share: number) => void;
  readonly onProgress: (progress: ConversionProgress) => void;
  readonly log: (level: LogLevel, message: string) => void;
  readonly signal: AbortSignal;
}

/** A file of the store, and the result of its verification. */
export interface VerifiedFile {
  /** `removed`: it was damaged and could not be fetched. `missing`: it was missing and could not be fetched. */
  readonly result: 'ok' | 'repaired' | 'removed' | 'missing' | 'damaged';
  readonly path: string;
  /** What to do about it; may be empty. */
  readonly advice: string;
}

/**
 * Verifies the hashes of everything in the store. Damaged files of downloads are removed and fetched again; damaged
 * conversions are repeated, and damaged adapters removed: they are converted when they are used. If that fails, the file's advice says why, and verification continues.
 */
export async function verifyModels(options: VerifyOptions): Promise<VerifiedFile[]> {
  const { home, paths } = options;
  const isWanted = (path: string): boolean => paths === undefined || paths.includes(path);
  const downloads = (await listDownloads(home)).filter(
    ({ snapshots }) => paths === undefined || snapshots.some(({ path }) => isWanted(path)),
  );
  const conversions = (await listConversions(home)).filter(({ path }) => isWanted(path));
  const adapters = (await listAdapters(home)).filter(({ path }) => isWanted(path));
  const contents = await Promise.all(downloads.map(contentsOf));
  const bytes = [
    ...contents.flat().map((content) => content.bytes),
    ...conversions.flatMap(({ manifest }) => (manifest === undefined ? [] : outputsOf(manifest).map((o) => o.bytes))),
    ...adapters.map(({ manifest }) => manifest?.bytes ?? 0),
  ].reduce((sum, each) => sum + each, 0);
  let bytesRead = 0;
  /** The hash of a file; undefined if it does not exist. */
  const read: ReadHash = async (path, algorithm) => {
    options.onFile(path, bytes === 0 ? 1 : bytesRead / bytes);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) return undefined;
    const digest = await hashFile(path, algorithm, options.signal);
    bytesRead += found.size;
    return digest;
  };
  const results: VerifiedFile[] = [];
  for (const [index, download] of downloads.entries()) {
    results.push(...(await verifyDownload(download, contents[index] ?? [], read, options)));
  }
  for (const conversion of conversions) results.push(...(await verifyConversion(conversion, read, options)));
  for (const adapter of adapters) results.push(await verifyAdapter(adapter, read));
  return results;
}

type ReadHash = (path: string, algorithm: FileHash['algorithm']) => Promise<string | undefined>;

async function verifyDownload(
  download: Download,
  contents: readonly Content[],
  read: ReadHash,
  { fetchAgain, signal }: VerifyOptions,
): Promise<VerifiedFile[]> {
  const { repository, snapshots } = download;
  const results: VerifiedFile[] = [];
  const lost = new Set<SnapshotFile>();
  for (const content of contents) {
    const { path, hash, links } = content;
    if ((await read(path, hash.algorithm)) === hash.digest) {
      results.push({ result: 'ok', path, advice: '' });
    } else {
      await removeContent(download, content);
      for (const { file } of links) lost.add(file);
    }
  }
  for (const { commit, path, files } of snapshots) {
    const missing = files.filter((file) => file.bytes === undefined || lost.has(file));
    if (missing.length === 0) continue;
    const paths = missing.map(({ name }) => name.replaceAll(sep, '/'));
    const failure = await fetchAgain({ repository, commit }, paths).then(
      () => undefined,
      (error: unknown) => {
        signal.throwIfAborted();
        return `It cannot be fetched now: ${messageOf(error)}\nRun "vserve verify" again later.`;
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

/** A content of a repository, and the files that link to it. */
interface Content {
  readonly path: string;
  readonly bytes: number;
  /** The expected hash. */
  readonly hash: FileHash;
  /** The files of snapshots with this content: links of either kind, or the content itself. */
  readonly links: { readonly file: SnapshotFile; readonly path: string }[];
}

/**
 * The contents of a repository: its own blobs, and whatever its snapshots hold: links to these blobs or to another
 * program's cache, hard links and copies on a file system without symbolic links.
 */
async function contentsOf({ blobs, snapshots }: Download): Promise<Content[]> {
  const contents = new Map<string, Content>();
  const add = async (path: string, hash: FileHash): Promise<Content> => {
    // Not the path, which does not identify hard links.
    const { dev, ino, size } = await stat(path, { bigint: true });
    const key = `${dev}:${ino}:${hash.digest}`;
    const content = contents.get(key) ?? { path, bytes: Number(size), hash, links: [] };
    contents.set(key, content);
    return content;
  };
  for (const { name, path } of blobs) {
    const hash = hashNamed(name);
    if (hash !== undefined) await add(path, hash);
  }
  for (const snapshot of snapshots) {
    for (const file of snapshot.files) {
      if (file.target === undefined || file.hash === undefined) continue;
      (await add(file.target, file.hash)).links.push({ file, path: join(snapshot.path, file.name) });
    }
  }
  return [...contents.values()];
}

/**
 * Removes a content of ours. What belongs to another program is left alone: only the links to it are removed, so that a
 * blob of ours can replace it.
 */
async function removeContent({ path, blobs }: Download, { hash, links, path: content }: Content): Promise<void> {
  const own = join(path, 'blobs', hash.digest);
  if (blobs.some((blob) => blob.path === content)) await rm(content, { force: true });
  for (const { path: link } of links) {
    await rm(link, { force: true });
    // The link is broken until the blob is fetched, which tells the next verification what is missing.
    await symlink(relative(dirname(link), own), link, 'file').catch((error: unknown) => {
      // On a file system without links, the next pull finds that the file is missing.
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(systemErrorCode(error) ?? '')) throw error;
    });
  }
}

async function verifyConversion(
  { key, path, manifest }: StoredConversion,
  read: ReadHash,
  options: VerifyOptions,
): Promise<VerifiedFile[]> {
  const { home, signal } = options;
  if (manifest === undefined) {
    const advice = 'Its manifest is unreadable; "vserve gc" removes it.';
    return [{ result: 'damaged', path, advice }];
  }
  const results: VerifiedFile[] = [];
  for (const { file, sha256 } of outputsOf(manifest)) {
    const output = join(path, file);
    const isWhole = (await read(output, 'sha256')) === sha256;
    results.push({ result: isWhole ? 'ok' : 'damaged', path: output, advice: '' });
  }
  if (results.every(({ result }) => result === 'ok')) return results;
  const repaired = await makeAgain(key, path, manifest, options).then(
    () => ({ result: 'repaired' as const, advice: '' }),
    (error: unknown) => {
      signal.throwIfAborted();
      const advice = `It cannot be converted again: ${messageOf(error)} Remove it with: vserve rm ${key}`;
      return { result: 'damaged' as const, advice };
    },
  );
  options.log('debug', `${basename(path)} in ${home}: ${repaired.result}`);
  return results.map((file) => (file.result === 'ok' ? file : { ...file, ...repaired }));
}

async function verifyAdapter({ path, manifest }: StoredAdapter, read: ReadHash): Promise<VerifiedFile> {
  if (manifest === undefined) {
    return { result: 'damaged', path, advice: 'Its manifest is unreadable; "vserve gc" removes it.' };
  }
  const digest = await read(path, 'sha256');
  if (digest === manifest.sha256) return { result: 'ok', path, advice: '' };
  await removeAdapter(path);
  const result = digest === undefined ? 'missing' : 'removed';
  return { result, path, advice: 'It is converted again when it is used.' };
}

/** Repeats a conversion in place. Throws `checkpoint_invalid` if its source or converter has changed. */
async function makeAgain(key: string, path: string, manifest: Manifest, options: VerifyOptions): Promise<void> {
  const { source: made, settings, description } = manifest;
  const converter = await options.loadConverter(settings.converterVersion);
  const quantizer = needsQuantizer(settings.precision) ? (await options.loadBackend()).quantizer : undefined;
  const source = await identifyCheckpoint(made.path, converter);
  const versions = { converterVersion: converter.converterVersion, quantizerVersion: quantizer?.version };
  if (conversionKey(source, { ...settings, ...versions }) !== key) {
    throw new VserveError('checkpoint_invalid', `${made.path} or the converter has changed since.`);
  }
  // The converter may no longer work here, and a damaged model is better than none.
  const config = await readFile(join(made.path, 'config.json'), 'utf8');
  await converter.checkConfig(parsePythonJson(config) as Readonly<Record<string, unknown>>);
  await removeFolder(options.home, path);
  const { precision, mmprojOuttype = 'auto' } = settings;
  const asked: AskedPrecisions & { precision: Precision } = { precision, mmprojOuttype };
  await convertOnce({ ...options, ...asked, sourceDir: made.path, source, description, converter, quantizer });
}
