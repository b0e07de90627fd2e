import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fixture, referenceCheckpoints } from '../reference/checkpoints.ts';
import { writeCheckpoint } from '../reference/write-checkpoint.ts';
import { planConversion } from '../../src/convert/plan/plan-conversion.ts';
import { changeJson, temporaryFolder } from './support/checkpoints.ts';

async function checkpointFolder(name: string): Promise<string> {
  const { checkpoint } = referenceCheckpoints[name] ?? {};
  if (checkpoint === undefined) throw new Error(`There is no ${name}`);
  const folder = join(await temporaryFolder(), name);
  await writeCheckpoint(folder, checkpoint);
  return folder;
}

test.each([
  ['a global layer too many', { layer_types: ['full_attention'] }, 'layer_types for 1 layers, but 6'],
  ['heads without an end', { head_dim: 2_000_000_000 }, 'head_dim'],
  ['attention that looks ahead everywhere', { use_bidirectional_attention: 'all' }, 'bidirectional attention'],
])('%s is refused', async (_, change, naming) => {
  const folder = await checkpointFolder('gemma4-text-tiny');
  await changeJson(folder, 'config.json', (config) => ({ ...config, ...change }));
  await expect(planConversion({ sourceDir: folder, outtype: 'bf16' })).rejects.toMatchObject({
    code: 'checkpoint_invalid',
    message: expect.stringContaining(naming) as string,
  });
});

test('a pooling that llama.cpp does not have is refused', async () => {
  const folder = await checkpointFolder('gemma4-moe-tiny');
  await changeJson(folder, 'config.json', ({ vision_config: vision, ...config }) => ({
    ...config,
    vision_config: { ...(vision as object), pooling_kernel_size: 2 },
  }));
  await expect(planConversion({ sourceDir: folder, outtype: 'bf16' })).rejects.toMatchObject({
    code: 'checkpoint_invalid',
    message: expect.stringContaining('3 × 3') as string,
  });
});

test.each([
  ['with a gap between its ids', 5000, 'no token, or several, with the id'],
  ['that has a token more than the model', 744, 'tokenizer.json has 745 tokens, but config.json says 744'],
])('a tokenizer %s is refused', async (_, id, naming) => {
  const folder = await checkpointFolder('gemma4-text-tiny');
  const tokenizer = JSON.parse(readFileSync(fixture('tokenizers/gemma4/tokenizer.json'), 'utf8')) as {
    model: { vocab: Record<string, number> };
  };
  tokenizer.model.vocab['one more'] = id;
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  await expect(planConversion({ sourceDir: folder, outtype: 'bf16' })).rejects.toMatchObject({
    code: 'checkpoint_invalid',
    message: expect.stringContaining(naming) as string,
  });
});
