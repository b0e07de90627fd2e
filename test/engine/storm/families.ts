import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelFiles } from '../../../src/backend/index.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';
import { seeingCheckpoint } from '../seeing-checkpoints.ts';

/** A family of models, by how it remembers: what an engine keeps for it, and how it can go back. */
export interface Family {
  /** Tokens of a conversation: several times what a sliding window or a chunk of attention covers. */
  readonly maxLength: number;
}

/** The model of test/models: sliding windows of 64 tokens, and pictures whose tokens attend to one another. */
export const embeddedModel = 'shapes-vlm';

/** Tiny models by the name of their checkpoint. */
export const stormFamilies: Readonly<Record<string, Family>> = {
  [embeddedModel]: { maxLength: 1024 },
  'qwen3.5-tiny': { maxLength: 1024 }, // recurrent layers between those that attend, and positions in three dimensions
  'lfm2-vl-tiny': { maxLength: 1024 }, // convolutions with a state
  'qwen2.5-vl-tiny': { maxLength: 1024 }, // positions in three dimensions
  'qwen3-vl-tiny': { maxLength: 1024 }, // the same, and pictures that enter at several layers
  'llama4-scout-tiny': { maxLength: 1024 }, // attention in chunks
  'kimi-vl-tiny': { maxLength: 1024 }, // latent attention
  'smolvlm-tiny': { maxLength: 1024 }, // tiles, and attention to everything
};

export interface ConvertedFamily {
  readonly files: ModelFiles;
  remove(): Promise<void>;
}

/** Writes the checkpoint of a family, or takes the one in `sourceDir`, and converts it. */
export async function convertFamily(name: string, sourceDir?: string): Promise<ConvertedFamily> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-storm-'));
  const checkpointDir = sourceDir ?? join(folder, name);
  if (sourceDir === undefined) await writeCheckpoint(checkpointDir, seeingCheckpoint(name));
  const files = await convertCheckpoint({
    sourceDir: checkpointDir,
    destinationDir: folder,
    outtype: 'f32',
    onProgress: () => undefined,
    signal: new AbortController().signal,
  });
  return { files, remove: () => rm(folder, { recursive: true }) };
}
