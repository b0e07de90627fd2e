import { createHash } from 'node:crypto';
import { open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Converter, Outtype } from './converter.ts';

/** Bytes at each end of a file that are hashed: all of a configuration or a tokenizer, the header of large weights. */
const HASHED_BYTES = 1024 * 1024;

/** What tells one version of a file from another without reading gigabytes. */
export interface FileIdentity {
  readonly name: string;
  readonly bytes: number;
  /** SHA-256 of the first and the last mebibyte: of the whole file up to two of them. */
  readonly sha256: string;
  /** Time of the last change, for files that are not hashed whole; a touched small file is still the same. */
  readonly mtimeMs?: number;
}

/** What a conversion is made from. */
export interface CheckpointIdentity {
  /** The real path of the folder: two large files may agree in all else. */
  readonly path: string;
  readonly files: readonly FileIdentity[];
}

/** Looks at every file that a conversion of the folder reads. */
export async function identifyCheckpoint(sourceDir: string, converter: Converter): Promise<CheckpointIdentity> {
  const path = await realpath(sourceDir);
  const files: FileIdentity[] = [];
  for (const name of (await converter.checkpointFiles(sourceDir)).toSorted())
    files.push(await identifyFile(path, name));
  return { path, files };
}

/** 16 hexadecimal digits that differ whenever a conversion could give other files. */
export function conversionKey(checkpoint: CheckpointIdentity, converterVersion: string, outtype: Outtype): string {
  return createHash('sha256')
    .update(JSON.stringify([checkpoint.path, checkpoint.files, converterVersion, outtype]))
    .digest('hex')
    .slice(0, 16);
}

async function identifyFile(folder: string, name: string): Promise<FileIdentity> {
  await using file = await open(join(folder, name), 'r');
  const { size: bytes, mtimeMs } = await file.stat();
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
