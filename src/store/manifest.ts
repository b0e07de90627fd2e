import { open, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { ModelFiles } from '../backend/index.ts';
import type { CheckpointIdentity } from './checkpoint-identity.ts';

const fileName = z.string().refine((name) => name === basename(name));
const output = z.object({ file: fileName, bytes: z.number() });

/** `manifest.json` of a converted model: what it was made from, by which converter, and what there should be. */
const manifestSchema = z.object({
  formatVersion: z.literal(1),
  createdAt: z.iso.datetime(),
  source: z.object({
    path: z.string(),
    files: z.array(
      z.object({ name: z.string(), bytes: z.number(), sha256: z.string(), mtimeMs: z.number().optional() }),
    ),
  }),
  converterVersion: z.string(),
  /** As asked for; `auto` became `result.outtype`. */
  outtype: z.string(),
  result: z.object({ architecture: z.string(), outtype: z.string() }),
  outputs: z.object({ model: output, mmproj: output.optional() }),
});

export type Manifest = z.infer<typeof manifestSchema>;

export interface Conversion {
  readonly source: CheckpointIdentity;
  readonly converterVersion: string;
  readonly outtype: string;
  readonly architecture: string;
  readonly resultOuttype: string;
  readonly files: ModelFiles;
}

/** Writes the manifest of a finished conversion into its folder, and waits until it and the outputs are on the disk. */
export async function writeManifest(folder: string, conversion: Conversion): Promise<void> {
  const { modelPath, mmprojPath } = conversion.files;
  const manifest: Manifest = {
    formatVersion: 1,
    createdAt: new Date().toISOString(),
    source: { path: conversion.source.path, files: conversion.source.files.map((file) => ({ ...file })) },
    converterVersion: conversion.converterVersion,
    outtype: conversion.outtype,
    result: { architecture: conversion.architecture, outtype: conversion.resultOuttype },
    outputs: {
      model: await flushed(modelPath),
      ...(mmprojPath === undefined ? {} : { mmproj: await flushed(mmprojPath) }),
    },
  };
  await using file = await open(join(folder, 'manifest.json'), 'w');
  await file.writeFile(`${JSON.stringify(manifest, undefined, 2)}\n`);
  await file.sync();
}

/**
 * The files of a converted model, or undefined where the folder does not hold what its manifest promises: no manifest,
 * one that cannot be read, an output that is missing or has another size.
 */
export async function readConverted(folder: string): Promise<ModelFiles | undefined> {
  try {
    const manifest = manifestSchema.parse(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')));
    const { model, mmproj } = manifest.outputs;
    for (const { file, bytes } of mmproj === undefined ? [model] : [model, mmproj]) {
      if ((await stat(join(folder, file))).size !== bytes) return undefined;
    }
    return {
      modelPath: join(folder, model.file),
      mmprojPath: mmproj === undefined ? undefined : join(folder, mmproj.file),
    };
  } catch {
    return undefined;
  }
}

async function flushed(path: string): Promise<z.infer<typeof output>> {
  await using file = await open(path, 'r+');
  await file.sync();
  return { file: basename(path), bytes: (await file.stat()).size };
}
