import { open, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { ModelFiles } from '../../backend/index.ts';
import type { ModelDescription } from '../../conversion/index.ts';
import { hashFile } from '../disk/hash-file.ts';
import type { CheckpointIdentity, ConversionSettings } from './checkpoint-identity.ts';
import { precisions } from './precision.ts';

const fileName = z.string().refine((name) => name === basename(name));
const output = z.object({ file: fileName, bytes: z.number(), sha256: z.string() });

/** `manifest.json` of a converted model: what it was made from, how, and its expected files. */
const manifestSchema = z.object({
  formatVersion: z.literal(2),
  createdAt: z.iso.datetime(),
  source: z.object({
    path: z.string(),
    repository: z.string().optional(),
    commit: z.string().optional(),
    files: z.array(
      z.object({ name: z.string(), bytes: z.number(), sha256: z.string(), mtimeMs: z.number().optional() }),
    ),
  }),
  settings: z.object({
    converterVersion: z.string(),
    precision: z.enum(precisions),
    mmprojOuttype: z.enum(['f32', 'f16', 'bf16', 'q8_0']).optional(),
    quantizerVersion: z.string().optional(),
  }),
  /** Of the checkpoint, to choose a precision without reading it again. */
  description: z.object({
    architecture: z.string(),
    family: z.string(),
    name: z.string().optional(),
    parameters: z.number(),
    visionParameters: z.number().optional(),
    contextLength: z.number().optional(),
    contextBytesPerToken: z.number(),
    precision: z.string(),
    mmprojBytes: z.number(),
    sizes: z.array(z.object({ precision: z.string(), bytes: z.number() })),
  }),
  outputs: z.object({ model: output, mmproj: output.optional() }),
});

export type Manifest = z.infer<typeof manifestSchema>;

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
export function outputsOf({ outputs: { model, mmproj } }: Manifest): readonly z.infer<typeof output>[] {
  return mmproj === undefined ? [model] : [model, mmproj];
}

async function flushed(path: string, signal: AbortSignal): Promise<z.infer<typeof output>> {
  await using file = await open(path, 'r+');
  await file.sync();
  const { size: bytes } = await file.stat();
  return { file: basename(path), bytes, sha256: await hashFile(path, 'sha256', signal) };
}
