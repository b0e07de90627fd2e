import { z } from 'zod';

const originSchema = z.object({
  /** The folder of the adapter, and that of the checkpoint that it was converted for: real paths. */
  adapterDir: z.string(),
  baseDir: z.string(),
  files: z.array(z.object({ name: z.string(), bytes: z.number(), sha256: z.string(), mtimeMs: z.number().optional() })),
  converterVersion: z.string(),
});

/** `<name>-<key>.json` beside a converted adapter: what it was made from, and its expected file. */
export const manifestSchema = originSchema.extend({
  formatVersion: z.literal(1),
  createdAt: z.iso.datetime(),
  bytes: z.number(),
  sha256: z.string(),
});

/** What a converted adapter is made from. */
export type AdapterOrigin = z.infer<typeof originSchema>;
export type AdapterManifest = z.infer<typeof manifestSchema>;
