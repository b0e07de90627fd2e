import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { referenceCheckpoints } from '../reference/checkpoints.ts';
import { writeCheckpoint } from '../reference/write-checkpoint.ts';
import { planConversion } from '../../src/convert/plan/plan-conversion.ts';

type Settings = Record<string, unknown>;

const scout = referenceCheckpoints['llama4-scout-tiny']?.checkpoint;
let folder = '';
beforeAll(async () => {
  if (scout === undefined) throw new Error('There is no llama4-scout-tiny');
  folder = await mkdtemp(join(tmpdir(), 'vserve-llama4-'));
  await writeCheckpoint(folder, scout);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Plans the conversion of Scout with one of the parts of its config.json changed. */
async function planChanged(part: 'text_config' | 'vision_config', change: Settings): Promise<unknown> {
  const config = scout?.files['config.json'] as Settings;
  const changed = { ...config, [part]: { ...(config[part] as Settings), ...change } };
  await writeFile(join(folder, 'config.json'), JSON.stringify(changed));
  return planConversion({ sourceDir: folder, outtype: 'bf16' });
}

describe('attention and experts that llama.cpp would compute otherwise are refused', () => {
  test.each([
    ['too few layers', { num_hidden_layers: 3 }, 'num_hidden_layers'],
    ['rotary embeddings elsewhere', { no_rope_layers: [1, 1, 0, 1, 1] }, 'no_rope_layers'],
    ['rotary embeddings less often', { no_rope_layer_interval: 2 }, 'no_rope_layers'],
    ['other chunks', { attention_chunk_size: 4096 }, 'attention_chunk_size'],
    ['no chunks, but layers without a rotary embedding', { attention_chunk_size: null }, 'layer_types'],
    [
      'layers that all see everything',
      { layer_types: Array<string>(5).fill('full_attention'), no_rope_layers: [1, 1, 1, 1, 1] },
      'layer_types',
    ],
    ['no tuned temperature', { attn_temperature_tuning: false }, 'attn_temperature_tuning'],
    ['a temperature that grows sooner', { floor_scale: 4096 }, 'floor_scale'],
    ['a temperature that grows more', { attn_scale: 0.2 }, 'attn_scale'],
    ['experts in other layers', { moe_layers: [0, 1, 3] }, 'moe_layers'],
    ['queries and keys that are not normed', { use_qk_norm: false }, 'use_qk_norm'],
    ['no experts', { num_local_experts: 0 }, 'num_local_experts'],
  ])('%s', async (_, change, field) => {
    await expect(planChanged('text_config', change)).rejects.toMatchObject({
      code: 'checkpoint_invalid',
      message: expect.stringContaining(field) as string,
    });
  });
});

test.each([
  ['another activation', { hidden_act: 'silu' }, 'hidden_act'],
  ['another shuffle', { pixel_shuffle_ratio: 0.25 }, 'pixel_shuffle_ratio'],
  ['another rotary embedding', { rope_theta: 500 }, 'rope_theta'],
])('a vision encoder with %s is refused', async (_, change, field) => {
  await expect(planChanged('vision_config', change)).rejects.toMatchObject({
    code: 'checkpoint_invalid',
    message: expect.stringContaining(field) as string,
  });
});

test('a configuration of transformers’ first release with Llama 4, which says 4 for true, is taken', async () => {
  await expect(planChanged('text_config', { attn_temperature_tuning: 4, no_rope_layers: null })).resolves.toBeDefined();
});
