import { createHash } from 'node:crypto';
import { open, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identifyFile } from '../conversions/checkpoint-identity.ts';
import { hashFile } from '../disk/hash-file.ts';
import { namesIn } from '../disk/folders.ts';
import { adapterFiles } from './adapter-folder.ts';
import type { AdapterManifest, AdapterOrigin } from './adapter-manifest-schema.ts';

export type { AdapterManifest, AdapterOrigin };

/** A converted adapter in `adapters/`. */
export interface StoredAdapter {
  /** 16 hexadecimal digits: the end of its file's name. */
  readonly key: string;
  /** Its GGUF file, which may be missing. */
  readonly path: string;
  /** Undefined if it cannot be read: from another version of vserve, or damaged. */
  readonly manifest: AdapterManifest | undefined;
}

/** Identifies what a conversion of an adapter reads. Throws the system's errors. */
export async function originOf(adapterDir: string, baseDir: string, converterVersion: string): Promise<AdapterOrigin> {
  const [adapter, base] = await Promise.all([realpath(adapterDir), realpath(baseDir)]);
  const files = await Promise.all([
    ...adapterFiles.map((name) => identifyFile(adapter, name, undefined)),
    identifyFile(base, 'config.json', undefined),
  ]);
  return { adapterDir: adapter, baseDir: base, files, converterVersion };
}

/** 16 hexadecimal digits that differ whenever a conversion could produce another file. */
export function adapterKey({ adapterDir, baseDir, files, converterVersion }: AdapterOrigin): string {
  const origin = JSON.stringify([adapterDir, baseDir, files, converterVersion]);
  return createHash('sha256').update(origin).digest('hex').slice(0, 16);
}

/** Of the GGUF file of a converted adapter. */
export function manifestPath(path: string): string {
  return path.replace(/\.gguf$/, '.json');
}

/** Writes the manifest of a finished file, and flushes that. */
export async function writeAdapterManifest(path: string, origin: AdapterOrigin, signal: AbortSignal): Promise<void> {
  await using file = await open(path, 'r+');
  await file.sync();
  const { size: bytes } = await file.stat();
  const sha256 = await hashFile(path, 'sha256', signal);
  const manifest: AdapterManifest = { formatVersion: 1, createdAt: new Date().toISOString(), ...origin, bytes, sha256 };
  await writeFile(manifestPath(path), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** Whether an adapter is there as its manifest says. */
export async function isConverted(path: string): Promise<boolean> {
  const [manifest, found] = await Promise.all([readManifest(path), stat(path).catch(() => undefined)]);
  return manifest !== undefined && found?.size === manifest.bytes;
}

/** All converted adapters in the store, sorted by the names of their files. */
export async function listAdapters(home: string): Promise<StoredAdapter[]> {
  const folder = join(home, 'adapters');
  const stems = new Set((await namesIn(folder)).map((name) => name.replace(/\.(?:gguf|json)$/, '')));
  return Promise.all(
    Array.from(stems, async (stem) => {
      const path = join(folder, `${stem}.gguf`);
      return { key: stem.slice(stem.lastIndexOf('-') + 1), path, manifest: await readManifest(path) };
    }),
  );
}

export async function removeAdapter(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(manifestPath(path), { force: true });
}

async function readManifest(path: string): Promise<AdapterManifest | undefined> {
  try {
    const { manifestSchema } = await import('./adapter-manifest-schema.ts');
    return manifestSchema.parse(JSON.parse(await readFile(manifestPath(path), 'utf8')));
  } catch {
    return undefined;
  }
}
