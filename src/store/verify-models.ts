import { rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Backend, LogLevel } from '../backend/index.ts';
import { messageOf, VserveError } from '../errors/index.ts';
import { conversionKey, identifyCheckpoint } from './checkpoint-identity.ts';
import { convertOnce } from './convert-once.ts';
import { listConversions } from './conversions.ts';
import type { StoredConversion } from './conversions.ts';
import type { ConversionProgress, Converter } from './converter.ts';
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
  readonly loadConverter: () => Promise<Converter>;
  readonly loadBackend: () => Promise<Backend>;
  /** Fetches what a snapshot lacks; undefined leaves that to the next pull. */
  readonly fetchAgain: ((snapshot: RepositoryCommit, signal: AbortSignal) => Promise<void>) | undefined;
  readonly onFile: (path: string) => void;
  readonly onProgress: (progress: ConversionProgress) => void;
  readonly log: (level: LogLevel, message: string) => void;
  readonly signal: AbortSignal;
}

/** A file of the store, and what came of looking at it. */
export interface VerifiedFile {
  /** `removed`: it was damaged, and is fetched by the next pull. `damaged`: it still is. */
  readonly result: 'ok' | 'repaired' | 'removed' | 'missing' | 'damaged';
  readonly path: string;
  /** What to do about it; empty where there is nothing. */
  readonly advice: string;
}

/**
 * Computes the hashes of everything in the store again. What is damaged of a download is removed and, where that is
 * possible, fetched; a damaged conversion is made again from its checkpoint.
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
  { repository, blobs, snapshots }: Download,
  { fetchAgain, onFile, signal }: VerifyOptions,
): Promise<VerifiedFile[]> {
  const results: VerifiedFile[] = [];
  const lost = new Set<string>();
  for (const { name, path } of blobs) {
    const kind = /^[0-9a-f]{64}$/.test(name) ? 'sha256' : /^[0-9a-f]{40}$/.test(name) ? 'git' : undefined;
    if (kind === undefined) continue;
    onFile(path);
    if ((await hashFile(path, kind, signal)) === name) {
      results.push({ result: 'ok', path, advice: '' });
    } else {
      await rm(path, { force: true });
      lost.add(name);
    }
  }
  for (const { commit, path, files } of snapshots) {
    const missing = files.filter(({ blob, bytes }) => bytes === undefined || (blob !== undefined && lost.has(blob)));
    if (missing.length === 0) continue;
    const isFetched = await fetchAgain?.({ repository, commit }, signal).then(() => true);
    for (const { name, bytes } of missing) {
      results.push({
        result: isFetched === true ? 'repaired' : bytes === undefined ? 'missing' : 'removed',
        path: join(path, name),
        advice: isFetched === true ? '' : `Fetch it again: vserve pull ${repository}`,
      });
    }
  }
  return results;
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
  const converter = await options.loadConverter();
  const quantizer = needsQuantizer(settings.precision) ? (await options.loadBackend()).quantizer : undefined;
  const source = await identifyCheckpoint(made.path, converter);
  const versions = { converterVersion: converter.converterVersion, quantizerVersion: quantizer?.version };
  if (conversionKey(source, { ...versions, precision: settings.precision }) !== key) {
    throw new VserveError('checkpoint_invalid', `${made.path} or the converter is not what it was made from and by.`);
  }
  await removeFolder(options.home, path);
  const { precision } = settings;
  await convertOnce({ ...options, sourceDir: made.path, source, description, precision, converter, quantizer });
}
