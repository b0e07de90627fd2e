import { open, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ModelFiles } from '../../backend/index.ts';
import type { ModelDescription } from '../../conversion/index.ts';
import { hashFile } from '../disk/hash-file.ts';
import type { CheckpointIdentity, ConversionSettings } from './checkpoint-identity.ts';
import type { Manifest, ManifestOutput } from './manifest-schema.ts';

export type { Manifest };

export interface FinishedConversion {
  readonly source: CheckpointIdentity;
  readonly settings: ConversionSettings;
  readonly description: ModelDescription;
  readonly files: ModelFiles;
  readonly signal: AbortSignal;
}

/** Writes the manifest of a finished conversion into its folder, and flushes it and the outputs. */
export async function writeManifest(folder: string, conversion: FinishedConversion): Promise<void> {
  const { source, settings, description, files, signal } = conversion;
  const paths = files.mmprojPath === undefined ? [files.modelPath] : [files.modelPath, files.mmprojPath];
  const [model, mmproj] = await Promise.all(paths.map((path) => flushed(path, signal)));
  const manifest = { formatVersion: 2, createdAt: new Date().toISOString(), source, settings, description };
  await using file = await open(join(folder, 'manifest.json'), 'w');
  await file.writeFile(`${JSON.stringify({ ...manifest, outputs: { model, mmproj } }, undefined, 2)}\n`);
  await file.sync();
}

/** The manifest of a converted model; undefined if it is missing or unreadable. */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  try {
    const { manifestSchema } = await import('./manifest-schema.ts');
    return manifestSchema.parse(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')));
  } catch {
    return undefined;
  }
}

/**
 * The files of a converted model, or undefined if the folder does not match its manifest: a missing or unreadable
 * manifest, an output that is missing or has another size.
 */
export async function readConverted(folder: string): Promise<ModelFiles | undefined> {
  const manifest = await readManifest(folder);
  if (manifest === undefined) return undefined;
  for (const { file, bytes } of outputsOf(manifest)) {
    const found = await stat(join(folder, file)).catch(() => undefined);
    if (found?.size !== bytes) return undefined;
  }
  const { model, mmproj } = manifest.outputs;
  return {
    modelPath: join(folder, model.file),
    mmprojPath: mmproj === undefined ? undefined : join(folder, mmproj.file),
  };
}

/** The files that a manifest lists. */
export function outputsOf({ outputs: { model, mmproj } }: Manifest): readonly ManifestOutput[] {
  return mmproj === undefined ? [model] : [model, mmproj];
}

async function flushed(path: string, signal: AbortSignal): Promise<ManifestOutput> {
  await using file = await open(path, 'r+');
  await file.sync();
  const { size: bytes } = await file.stat();
  return { file: basename(path), bytes, sha256: await hashFile(path, 'sha256', signal) };
}
