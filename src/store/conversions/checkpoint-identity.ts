import { createHash } from 'node:crypto';
import { open, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Converter, Outtype } from '../../conversion/index.ts';
import type { FileHash } from '../../hub/index.ts';
import { listedHashes } from '../downloads/downloads.ts';
import { repositoryOf } from '../downloads/snapshot.ts';
import type { Precision } from './precision.ts';

/** Bytes hashed at each end of a file: all of a configuration or a tokenizer, the header of large weights. */
const HASHED_BYTES = 1024 * 1024;

/** Tells one version of a file from another without reading gigabytes. */
export interface FileIdentity {
  readonly name: string;
  readonly bytes: number;
  /**
   * SHA-256 of the first and the last mebibyte, of the whole file if it has at most two. For a file of a snapshot, the
   * hash that its content is stored under, or that the Hub listed.
   */
  readonly sha256: string;
  /** Time of the last change, for files not hashed as a whole; a touched small file is still the same. */
  readonly mtimeMs?: number | undefined;
}

/** What a conversion is made from. */
export interface CheckpointIdentity {
  /** The real path of the folder: two large files may agree in all else. */
  readonly path: string;
  /** `org/name` on the Hub, and the commit, if the folder is a snapshot: they replace the path. */
  readonly repository?: string | undefined;
  readonly commit?: string | undefined;
  readonly files: readonly FileIdentity[];
}

/** Identifies every file that a conversion of the folder reads. */
export async function identifyCheckpoint(sourceDir: string, converter: Converter): Promise<CheckpointIdentity> {
  const path = await realpath(sourceDir);
  const snapshot = repositoryOf(path);
  const listed = snapshot === undefined ? undefined : await listedHashes(dirname(dirname(path)), snapshot);
  const files: FileIdentity[] = [];
  for (const name of (await converter.checkpointFiles(sourceDir)).toSorted())
    files.push(await identifyFile(path, name, listed?.get(name)));
  return { path, ...snapshot, files };
}

/** How a conversion was made, in addition to what it was made from. */
export interface ConversionSettings {
  readonly converterVersion: string;
  readonly precision: Precision;
  /** Undefined for `auto`. */
  readonly mmprojOuttype?: Outtype | undefined;
  /** The version of the quantizer, if one was used. */
  readonly quantizerVersion?: string | undefined;
}

/** 16 hexadecimal digits that differ whenever a conversion could produce other files. */
export function conversionKey(checkpoint: CheckpointIdentity, settings: ConversionSettings): string {
  const { path, repository, commit, files } = checkpoint;
  const origin = repository === undefined ? path : `${repository}@${commit ?? ''}`;
  const { converterVersion, precision, mmprojOuttype, quantizerVersion } = settings;
  return createHash('sha256')
    .update(JSON.stringify([origin, files, converterVersion, precision, mmprojOuttype, quantizerVersion]))
    .digest('hex')
    .slice(0, 16);
}

/** Identifies a file of a folder. `listed`: its hash on the Hub, where that is known. */
export async function identifyFile(folder: string, name: string, listed: FileHash | undefined): Promise<FileIdentity> {
  await using file = await open(join(folder, name), 'r');
  const { size: bytes, mtimeMs } = await file.stat();
  // On a file system without links, only the Hub's listing identifies a file that was fetched again.
  const blob = (await blobName(join(folder, name))) ?? (listed?.algorithm === 'sha256' ? listed.digest : undefined);
  if (blob !== undefined) return { name, bytes, sha256: blob };
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(HASHED_BYTES);
  const tailStart = Math.max(bytes - HASHED_BYTES, HASHED_BYTES);
  for (const position of [0, tailStart]) {
    const { bytesRead } = await file.read(buffer, 0, HASHED_BYTES, position);
    hash.update(buffer.subarray(0, bytesRead));
  }
  const identity = { name, bytes, sha256: hash.digest('hex') };
  return bytes <= 2 * HASHED_BYTES ? identity : { ...identity, mtimeMs };
}

/** The SHA-256 that a large file of a snapshot is stored under, from its link. */
async function blobName(path: string): Promise<string | undefined> {
  const target = await readlink(path).catch(() => '');
  const isBlob = basename(dirname(target)) === 'blobs' && /^[0-9a-f]{64}$/.test(basename(target));
  return isBlob ? basename(target) : undefined;
}
