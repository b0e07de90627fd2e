import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { referenceCheckpoints } from '../reference/checkpoints.ts';
import { writeCheckpoint } from '../reference/write-checkpoint.ts';
import { planConversion } from '../../src/convert/plan/plan-conversion.ts';

let folder = '';
afterEach(() => rm(folder, { recursive: true, force: true }));

// llama.cpp would load such files, and end the process, or the machine's memory, or see nothing.
test.each([
  ['internvl3-tiny', 'config.json', { min_dynamic_patch: 50 }, 'min_dynamic_patch'],
  ['internvl3-tiny', 'config.json', { max_dynamic_patch: 1_000_000_000 }, 'max_dynamic_patch'],
  ['internvl3-tiny', 'preprocessor_config.json', { image_std: [0, 0, 0] }, 'image_std'],
  ['qwen3-moe-tiny', 'config.json', { num_experts_per_tok: 99 }, 'num_experts_per_tok'],
  ['granite-tiny', 'config.json', { logits_scaling: 0 }, 'logits_scaling'],
])('%s with %s %j is refused', async (name, file, change, field) => {
  folder = await mkdtemp(join(tmpdir(), 'vserve-settings-'));
  const checkpoint = referenceCheckpoints[name]?.checkpoint;
  if (checkpoint === undefined) throw new Error(`There is no ${name}`);
  await writeCheckpoint(folder, checkpoint, { withWeights: false });
  await writeFile(join(folder, file), JSON.stringify({ ...(checkpoint.files[file] as object), ...change }));
  await expect(planConversion({ sourceDir: folder, outtype: 'auto' })).rejects.toMatchObject({
    code: 'checkpoint_invalid',
    message: expect.stringContaining(field) as string,
  });
});
