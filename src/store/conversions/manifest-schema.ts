import { basename } from 'node:path';
import { z } from 'zod';
import { precisions } from './precision.ts';

const fileName = z.string().refine((name) => name === basename(name));
const output = z.object({ file: fileName, bytes: z.number(), sha256: z.string() });

/** `manifest.json` of a converted model: what it was made from, how, and its expected files. */
export const manifestSchema = z.object({
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

export type ManifestOutput = z.infer<typeof output>;
