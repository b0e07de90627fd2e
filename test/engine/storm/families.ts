import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KvCacheFormat, ModelFiles } from '../../../src/backend/index.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';
import type { SyntheticCheckpoint } from '../../reference/write-checkpoint.ts';
import { seeingCheckpoint } from '../seeing-checkpoints.ts';

/** What decides the numbers that an answer is computed with. */
export interface Precision {
  readonly kvCacheFormat: KvCacheFormat;
  readonly flashAttention: 'on' | 'off';
  /**
   * How far logits may lie apart that were added up in another order. Wrong cells in the cache make differences of one and
   * more.
   */
  readonly rounding: number;
}

const singles: Precision = { kvCacheFormat: 'f32', flashAttention: 'off', rounding: 0.01 };
const halves: Precision = { kvCacheFormat: 'f16', flashAttention: 'off', rounding: 0.1 };
/** Flash attention rounds what it adds up, in steps of one token otherwise than in larger ones. */
const flash: Precision = { kvCacheFormat: 'f16', flashAttention: 'on', rounding: 0.4 };
const quantized: Precision = { kvCacheFormat: 'q8_0', flashAttention: 'on', rounding: 0.5 };

/** A family of models, by how it remembers: what an engine keeps for it, and how it can go back. */
export interface Family {
  /** Tokens of a conversation: several times what a sliding window or a chunk of attention covers. */
  readonly maxLength: number;
  /** Those whose rounding the model does not make more of: with flash attention's, experts would be chosen otherwise. */
  readonly precisions: readonly Precision[];
  /**
   * The setting that has the number of experts. Every token passes all of them then: which would be chosen follows the least
   * rounding, and makes as much of it as wrong cells.
   */
  readonly allExperts?: 'n_routed_experts' | 'num_local_experts';
}

/** The model of test/models: sliding windows of 64 tokens, and pictures whose tokens attend to one another. */
export const embeddedModel = 'shapes-vlm';

/** Tiny models by the name of their checkpoint. */
export const stormFamilies: Readonly<Record<string, Family>> = {
  [embeddedModel]: { maxLength: 1024, precisions: [singles, singles, halves, flash, quantized] },
  // Recurrent layers between those that attend, and positions in three dimensions.
  'qwen3.5-tiny': { maxLength: 1024, precisions: [singles, singles, halves, flash, quantized] },
  // Convolutions with a state.
  'lfm2-vl-tiny': { maxLength: 1024, precisions: [singles, singles, halves, flash] },
  // Positions in three dimensions.
  'qwen2.5-vl-tiny': { maxLength: 640, precisions: [singles, singles, halves, flash] },
  // The same, and pictures that enter at several layers.
  'qwen3-vl-tiny': { maxLength: 640, precisions: [singles, singles, halves, flash, quantized] },
  // Attention in chunks, and experts.
  'llama4-scout-tiny': { maxLength: 640, precisions: [singles, singles, halves], allExperts: 'num_local_experts' },
  // Latent attention, in 27 layers: half precision makes differences as wrong cells do.
  'kimi-vl-tiny': { maxLength: 512, precisions: [singles], allExperts: 'n_routed_experts' },
  // Tiles, and attention to everything.
  'smolvlm-tiny': { maxLength: 1024, precisions: [singles, singles, halves, flash] },
};

export interface ConvertedFamily {
  readonly files: ModelFiles;
  remove(): Promise<void>;
}

/** Writes the checkpoint of a family, or takes the one in `sourceDir`, and converts it. */
export async function convertFamily(name: string, sourceDir?: string): Promise<ConvertedFamily> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-storm-'));
  const checkpointDir = sourceDir ?? join(folder, name);
  if (sourceDir === undefined) await writeCheckpoint(checkpointDir, checkpointOf(name));
  const files = await convertCheckpoint({
    sourceDir: checkpointDir,
    destinationDir: folder,
    outtype: 'f32',
    onProgress: () => undefined,
    signal: new AbortController().signal,
  });
  return { files, remove: () => rm(folder, { recursive: true }) };
}

function checkpointOf(name: string): SyntheticCheckpoint {
  const checkpoint = seeingCheckpoint(name);
  const { allExperts } = stormFamilies[name] ?? {};
  if (allExperts === undefined) return checkpoint;
  const config = checkpoint.files['config.json'] as { readonly text_config: Readonly<Record<string, unknown>> };
  const text = { ...config.text_config, num_experts_per_tok: config.text_config[allExperts] };
  return { ...checkpoint, files: { ...checkpoint.files, 'config.json': { ...config, text_config: text } } };
}
